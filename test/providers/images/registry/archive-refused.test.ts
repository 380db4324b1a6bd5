/** Archives that no store takes: what they hold is not whole, or not safe. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { ImageRecord } from "../../../../providers/images/image-record.ts";
import {
  type ArchiveManifest,
  diskMember,
  formatManifest,
} from "../../../../providers/images/registry/archive-manifest.ts";
import { imageDiskPath } from "../../../../providers/images/store.ts";
import { diagnosticsOf, listen, sha256Of } from "../../../support/image-rig.ts";
import { imageStores, inStore } from "../../../support/image-stores.ts";

const { chain, elsewhere } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

describe("an archive", () => {
  test("that is damaged, cut off, not one, or holds something else leaves the store as it was", async () => {
    const { rig, registry, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    await registry.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const whole = readFileSync(path);
    const there = await elsewhere();
    const refused = async (bytes: Buffer | string, name = "bad.tar") => {
      const file = join(there.rig.folder, name);
      writeFileSync(file, bytes);
      const [why] = await diagnosticsOf(there.registry.importArchive(file, { context: context() }));
      expect(inStore(there.rig)).toEqual([]);
      return why;
    };
    const flipped = Buffer.from(whole);
    flipped[whole.length - 100_000] = (flipped[whole.length - 100_000] ?? 0) ^ 1;
    expect(await refused(flipped)).toMatchObject({
      code: "host/archive-damaged",
      detail: expect.stringMatching(/^The disk of web has the SHA-256 /),
    });
    expect(await refused(whole.subarray(0, 300_000))).toMatchObject({ code: "host/archive-damaged" });
    const renamed = Buffer.from(whole);
    renamed.write("noble-dockrr", whole.indexOf('"noble-docker"') + 1);
    expect(await refused(renamed)).toMatchObject({
      code: "host/archive-damaged",
      detail: "Its manifest.json does not have its own checksum.",
    });
    expect(await refused("hello".repeat(1000))).toMatchObject({ detail: "It is no tar archive." });
    const packed = execFileSync("gzip", ["-c", path], { maxBuffer: 1e9 });
    expect(await refused(packed.subarray(0, packed.length - 2000), "bad.tar.gz")).toMatchObject({
      code: "host/archive-damaged",
    });
    const [gone] = await diagnosticsOf(there.registry.importArchive("/no/such.tar", { context: context() }));
    expect(gone).toMatchObject({ code: "cli/no-file", summary: "/no/such.tar does not exist" });
  });

  test("whose disk or members lead outside is refused before any program opens it", async () => {
    const there = await elsewhere();
    const { rig, layers } = await chain();
    const make = join(there.rig.folder, "make");
    const archive = async (
      disk: string,
      change: (record: ImageRecord) => ImageRecord,
      members: (name: string) => string[],
    ) => {
      rmSync(make, { recursive: true, force: true });
      const digest = sha256Of(disk);
      const record = change({ ...layers[0], digest, size: statSync(disk).size });
      const manifest: ArchiveManifest = {
        ...{ version: 1, image: digest },
        layers: [{ record, sha256: digest, size: record.size }],
      };
      const name = diskMember(digest);
      mkdirSync(join(make, name, ".."), { recursive: true });
      writeFileSync(join(make, "manifest.json"), formatManifest(manifest));
      execFileSync("cp", [disk, join(make, name)]);
      const path = join(there.rig.folder, "evil.tar");
      execFileSync("tar", ["-C", make, "-P", "-cf", path, ...members(name)]);
      const [why] = await diagnosticsOf(there.registry.importArchive(path, { context: context() }));
      expect(inStore(there.rig)).toEqual([]);
      return why;
    };
    const secret = join(there.rig.folder, "overlay.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", secret]);
    expect(
      await archive(
        secret,
        (record) => record,
        (name) => ["manifest.json", name],
      ),
    ).toMatchObject({
      code: "image/unsafe-qcow2",
      summary: expect.stringMatching(/ stands on \/etc\/passwd instead of nothing$/),
    });
    const disk = imageDiskPath(rig.home, layers[0].digest);
    expect(
      await archive(
        disk,
        (record) => record,
        (name) => ["manifest.json", "--transform=s,^layers/.*,../../escape,", name],
      ),
    ).toMatchObject({ code: "host/archive-unsafe" });
    // VMs get disks of the recorded size: one that is too small would cut off the end of theirs.
    expect(
      await archive(
        disk,
        (record) => ({ ...record, virtual_size: 512 }),
        (name) => ["manifest.json", name],
      ),
    ).toMatchObject({ code: "image/unsafe-qcow2" });
    expect(
      await archive(
        disk,
        (record) => ({ ...record, parent: "f".repeat(64) }),
        (name) => ["manifest.json", name],
      ),
    ).toMatchObject({ detail: "Its manifest.json has a layer that does not stand on the one below it." });
    expect(existsSync(join(there.rig.folder, "escape"))).toBe(false);
  });
});
