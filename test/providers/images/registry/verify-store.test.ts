import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { imageDiskPath, imageFolder, observeImage, readRecord } from "../../../../providers/images/store.ts";
import { putVm } from "../../../support/image-chain.ts";
import { listen } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);

const context = () => listen().context;

/** Changes one byte of a disk of the store, leaving size and time as they are. */
function flipByte(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}

describe("verifying", () => {
  test("finds a flipped byte in a layer, and with --repair keeps plans from using it", async () => {
    const { rig, registry, base, role, custom } = await chain();
    const outcomes = async (repair: boolean, digests?: readonly string[]) =>
      (await registry.verify(digests, { repair, context: context() })).map(
        ({ name, outcome }) => `${name} ${outcome}`,
      );
    expect(await outcomes(false)).toEqual(["noble whole", "noble-docker whole", "web whole"]);
    const disk = imageDiskPath(rig.home, role.digest);
    const { mtime, atime } = await import("node:fs/promises").then((fs) => fs.stat(disk));
    flipByte(disk, 300_000);
    utimesSync(disk, atime, mtime);
    expect(await outcomes(false, [custom.digest])).toEqual([
      "noble whole",
      "noble-docker damaged",
      "web whole",
    ]);
    expect(await outcomes(false, [base.digest])).toEqual(["noble whole"]);
    const checked = await registry.verify([role.digest], { repair: true, context: context() });
    expect(checked[1]).toMatchObject({
      outcome: "damaged",
      remedy: '"vmlab apply" in a lab that declares it builds it anew, beside this one.',
    });
    expect(await observeImage(rig.effects, rig.home, custom.digest)).toEqual({
      state: "changed",
      reason: expect.stringMatching(/^the layer noble-docker .* was changed: its SHA-256 is /),
    });
    flipByte(disk, 300_000);
    expect(await outcomes(true, [custom.digest])).toEqual([
      "noble whole",
      "noble-docker mended",
      "web whole",
    ]);
    expect(await observeImage(rig.effects, rig.home, custom.digest)).toMatchObject({ state: "present" });
  });

  test("mends a store that was copied, and records that are gone", async () => {
    const { rig, registry, custom, role } = await chain();
    const copy = join(rig.folder, "copy");
    execFileSync("cp", ["-r", rig.home.root, copy]);
    rmSync(rig.home.root, { recursive: true });
    renameSync(copy, rig.home.root);
    rmSync(join(imageFolder(rig.home, role.digest), "image.json"));
    writeFileSync(join(imageFolder(rig.home, custom.digest), "image.json"), "{");
    const first = await registry.verify(undefined, { repair: false, context: context() });
    expect(first.map(({ outcome }) => outcome)).toEqual(["mendable", "mendable", "mendable"]);
    const mended = await registry.verify(undefined, { repair: true, context: context() });
    expect(mended.map(({ outcome }) => outcome)).toEqual(["mended", "mended", "mended"]);
    expect(await observeImage(rig.effects, rig.home, custom.digest)).toMatchObject({ state: "present" });
    expect(await readRecord(rig.effects, rig.home, custom.digest)).toMatchObject({
      parent: role.digest,
      virtual_size: custom.virtual_size,
      size: custom.size,
    });
    const again = await registry.verify(undefined, { repair: false, context: context() });
    expect(again.map(({ outcome }) => outcome)).toEqual(["whole", "whole", "whole"]);
  });

  test("mends a layer that was moved, two in each other's place, and one that was put aside", async () => {
    const { rig, registry, base, role, custom } = await chain();
    const at = (digest: string) => imageFolder(rig.home, digest);
    renameSync(at(base.digest), join(rig.home.images, "my-noble"));
    const swap = join(rig.home.images, "swap");
    renameSync(imageDiskPath(rig.home, role.digest), swap);
    renameSync(imageDiskPath(rig.home, custom.digest), imageDiskPath(rig.home, role.digest));
    renameSync(swap, imageDiskPath(rig.home, custom.digest));
    const found = await registry.verify([custom.digest], { repair: false, context: context() });
    expect(found.map(({ outcome }) => outcome)).toEqual(["mendable", "mendable", "mendable"]);
    expect(found[0]?.notes).toEqual(["its bytes lie in my-noble/disk.qcow2"]);
    const mended = await registry.verify([custom.digest], { repair: true, context: context() });
    expect(mended.map(({ outcome }) => outcome)).toEqual(["mended", "mended", "mended"]);
    expect(existsSync(join(rig.home.images, "my-noble"))).toBe(false);
    for (const { digest, keys } of [base, role, custom]) {
      expect(await observeImage(rig.effects, rig.home, digest)).toMatchObject({ state: "present" });
      expect((await readRecord(rig.effects, rig.home, digest))?.keys).toEqual(keys);
    }
    renameSync(at(custom.digest), join(rig.home.images, `.damaged-${custom.digest}-000000`));
    const aside = await registry.verify(undefined, { repair: true, context: context() });
    expect(aside.map(({ outcome }) => outcome)).toEqual(["whole", "whole", "mended"]);
    renameSync(at(base.digest), join(rig.home.images, "elsewhere"));
    const all = await registry.verify(undefined, { repair: true, context: context() });
    expect(all.map(({ outcome }) => outcome)).toEqual(["mended", "whole", "whole"]);
  });

  test("takes no file for an image that is none, and leaves what somebody else put beside one", async () => {
    const { rig, registry, custom } = await chain();
    const { images } = rig.home;
    writeFileSync(join(images, "notes.qcow2"), "no disk at all");
    const overlay = join(images, "mine.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", overlay]);
    renameSync(imageFolder(rig.home, custom.digest), join(images, "kept"));
    writeFileSync(join(images, "kept", "why.txt"), "for later");
    const checked = await registry.verify(undefined, { repair: true, context: context() });
    expect(checked.map(({ outcome }) => outcome)).toEqual(["whole", "whole", "mended"]);
    expect((await registry.list()).map(({ name }) => name)).toEqual(["web", "noble-docker", "noble"]);
    expect(readFileSync(join(images, "notes.qcow2"), "utf8")).toBe("no disk at all");
    expect(existsSync(overlay)).toBe(true);
    expect(readdirSync(join(images, "kept"))).toEqual(["why.txt"]);
  });

  test("says of what is gone who stands on it, and what to do", async () => {
    const { rig, registry, base, role } = await chain();
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: role.digest });
    rmSync(imageFolder(rig.home, base.digest), { recursive: true });
    const [gone] = await registry.verify(undefined, { repair: true, context: context() });
    expect(gone).toEqual({
      digest: base.digest,
      name: base.digest.slice(0, 12),
      outcome: "missing",
      notes: ["it is gone, and image noble-docker stands on it"],
      remedy:
        '"vmlab apply" in a lab that declares it gets or builds it anew; an archive of it can be imported.',
    });
  });
});
