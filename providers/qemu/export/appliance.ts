/**
 * The sealing appliance: a small machine that has the disk to be sealed as its only device. Its kernel and its tools
 * are those of the image at the bottom of the VM's layers, which is known to drive such a disk; on top comes a script
 * of our own as its first process. They are taken out once for each such image, and kept in the cache.
 */
import { join } from "node:path";
import { assetPath } from "../../../engine/asset-path.ts";
import { fail } from "../../../engine/diagnostics.ts";
import type { Home } from "../../../engine/home.ts";
import { bareDigest, listDigests, readRecord } from "../../images/store.ts";
import type { QemuContext } from "../context.ts";
import { diskInfo } from "../disk-image.ts";
import { extractBootFiles } from "./boot-files.ts";
import { cpioArchive } from "./cpio.ts";
import type { DiskWork } from "./disk-tools.ts";

/** Paths of what the appliance is booted from. */
export interface Appliance {
  readonly kernel: string;
  readonly initrd: string;
  /** Digest of the image that they were taken out of. */
  readonly bottom: string;
}

const PREFIX = "appliance-";
/** More layers have no image: a record that was edited may name itself. */
const MOST_LAYERS = 100;

/** Digest of the image at the bottom of the layers under an image. */
export async function bottomOf({ effects, home }: QemuContext, digest: string): Promise<string> {
  let bottom = bareDigest(digest);
  for (let depth = 0; depth < MOST_LAYERS; depth++) {
    const parent = (await readRecord(effects, home, bottom))?.parent;
    if (parent === undefined) return bottom;
    bottom = bareDigest(parent);
  }
  return bottom;
}

/** True when nothing has to be taken out of the image any more. */
export async function applianceCached({ effects, home }: QemuContext, bottom: string): Promise<boolean> {
  return (await effects.files.stat(join(cacheFolder(home, bottom), "vmlinuz"))) !== undefined;
}

/** Makes the appliance of an image ready in `folder`, an empty one; fails with the reason when there can be none. */
export async function prepareAppliance(
  context: QemuContext,
  work: DiskWork,
  bottom: string,
  folder: string,
): Promise<Appliance> {
  const { effects, home } = context;
  const cached = cacheFolder(home, bottom);
  if (!(await applianceCached(context, bottom))) {
    const path = context.imageDisk(bottom);
    const { virtualSize } = await diskInfo(effects, path);
    const taken = join(folder, "boot");
    await effects.files.makeDir(taken);
    const reason = await extractBootFiles(work, { path, size: virtualSize }, taken);
    if (reason !== undefined) cannotSeal(work, reason);
    await effects.files.makeDir(home.cache);
    await dropUnused(context);
    try {
      await effects.files.rename(taken, cached);
    } catch (error) {
      // Another export was quicker.
      if (!(await applianceCached(context, bottom))) throw error;
    }
  }
  const initrd = join(folder, "initrd");
  const ours = cpioArchive([
    { name: "vmlab-init", mode: 0o755, content: await script("providers/qemu/export/appliance-init.sh") },
    { name: "vmlab-seal.sh", mode: 0o644, content: await script("providers/images/seal.sh") },
  ]);
  // Ours first: where the image's own is packed with lz4, nothing can follow it.
  const theirs = await effects.files.read(join(cached, "initrd"));
  await effects.files.write(initrd, Buffer.concat([ours, theirs]));
  const kernel = join(folder, "vmlinuz");
  // A name of its own: the cache may be cleared meanwhile.
  await effects.files.link(join(cached, "vmlinuz"), kernel);
  return { kernel, initrd, bottom };

  function script(name: string): Promise<Buffer> {
    return effects.files.read(assetPath(name));
  }
}

/** Forgets what was taken out of an image: an appliance that does not work is made anew the next time. */
export async function forgetAppliance({ effects, home }: QemuContext, bottom: string): Promise<void> {
  await effects.files.remove(cacheFolder(home, bottom));
}

/** What was taken out of images that are not in the store any more. */
async function dropUnused({ effects, home }: QemuContext): Promise<void> {
  const kept = new Set((await listDigests(effects, home)).map((digest) => cacheFolder(home, digest)));
  for (const name of await effects.files.list(home.cache)) {
    const path = join(home.cache, name);
    if (name.startsWith(PREFIX) && !kept.has(path)) await effects.files.remove(path);
  }
}

export function cannotSeal({ address }: Pick<DiskWork, "address">, reason: string): never {
  return fail({
    code: "image/cannot-seal",
    address,
    summary: `the copy of ${address} cannot be sealed: ${reason}`,
    detail:
      "Sealing removes machine-id, host keys, logs and cloud-init's memory from the copy, so that VMs on the image are " +
      "not the same machine. It runs under a kernel of the image that the VM stands on.",
    hint: "Leave it out with --no-seal, and remove in the VM what must not be in the image.",
  });
}

function cacheFolder(home: Home, bottom: string): string {
  return join(home.cache, `${PREFIX}${bottom.slice(0, 32)}`);
}
