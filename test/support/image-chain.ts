/** Real chains of small images in a store: qcow2 disks made by qemu-img, without any guest. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { LEDGER_VERSION, writeLab } from "../../engine/host/labs.ts";
import type { ImageFacts, ImageRecord } from "../../providers/images/image-record.ts";
import { admitImage, imageDiskPath, imageFolder } from "../../providers/images/store.ts";
import { withWorkplace } from "../../providers/images/workplace.ts";
import { listen } from "./image-rig.ts";

export interface StorePlace {
  readonly effects: Effects;
  readonly home: Home;
}

const VIRTUAL_SIZE = 4 * 1024 * 1024;

/** An image called `name`, an overlay on `parent` when there is one. Each name has bytes of its own. */
export async function putImage(
  { effects, home }: StorePlace,
  name: string,
  parent?: ImageRecord,
  facts: Partial<ImageFacts> = {},
): Promise<ImageRecord> {
  return withWorkplace(effects, home, async ({ folder }) => {
    const image = join(folder, "image");
    await effects.files.makeDir(image);
    const disk = join(image, "disk.qcow2");
    if (parent === undefined)
      execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", disk, String(VIRTUAL_SIZE)]);
    else {
      await effects.files.symlink(imageFolder(home, parent.digest), join(folder, parent.digest));
      const backing = `../${parent.digest}/disk.qcow2`;
      const args = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk];
      execFileSync("qemu-img", args, { cwd: image });
    }
    writeBytes(disk, name);
    const digest = await effects.files.sha256(disk);
    return admitImage(effects, home, {
      folder: image,
      digest,
      key: `key-of-${name}`,
      facts: {
        kind: parent === undefined ? "bootstrap" : "role",
        source: parent === undefined ? "bootstrap:debian/bookworm" : "build",
        name,
        ...(parent === undefined ? {} : { parent: parent.digest, steps: [`packages ${name}`] }),
        format: "qcow2",
        virtual_size: VIRTUAL_SIZE,
        ...facts,
      },
      context: listen().context,
    });
  });
}

/** Writes bytes that belong to `text` into a disk, at a place that belongs to it. */
function writeBytes(disk: string, text: string): void {
  const [place = 0, ...patterns] = createHash("sha256").update(text).digest();
  const writes = patterns.slice(0, 4).flatMap((pattern, index) => {
    const offset = (place % 60) * 64 + index * 16;
    return ["-c", `write -P ${pattern} ${offset}k 16k`];
  });
  execFileSync("qemu-io", ["-f", "qcow2", ...writes, disk]);
}

/** What a guest would read of an image: every byte of the chain. */
export function guestBytes({ home }: StorePlace, digest: string, folder: string): Promise<Buffer> {
  const raw = join(folder, "guest.raw");
  execFileSync("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", imageDiskPath(home, digest), raw]);
  return import("node:fs/promises").then((fs) => fs.readFile(raw));
}

/** A lab of this host that leases images. Its folder is made. */
export async function putLab(
  { effects, home }: StorePlace,
  name: string,
  folder: string,
  leases: readonly string[],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const lineage = Buffer.from(name.padEnd(8, "\0")).toString("hex").slice(0, 16);
  await writeLab(effects, home, {
    version: LEDGER_VERSION,
    ...{ lineage, name, folder, host: "host", leases, reservations: {} },
  });
}

/** A VM's folder as the QEMU provider keeps it: a record, and an overlay on an image. */
export function putVm(
  { home }: StorePlace,
  vm: { id: string; name: string; lab: string; on: string; where?: "vms" | "trash" },
): string {
  const folder = join(vm.where === "trash" ? home.trash : home.vms, vm.id);
  mkdirSync(folder, { recursive: true });
  const backing = imageDiskPath(home, vm.on);
  const disk = join(folder, "disk-0.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk]);
  writeFileSync(
    join(folder, "vm.json"),
    JSON.stringify({
      version: 1,
      ...{ id: vm.id, name: vm.name, lab: { name: vm.lab, lineage: "00" } },
      layers: [{ digest: vm.on }, { file: "disk-0.qcow2" }],
    }),
  );
  return folder;
}
