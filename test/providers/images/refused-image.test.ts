/** Downloaded files that are not used: they are not what was asked for, no images, or not safe. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  diagnosticsOf,
  imageRig,
  planAndObtain,
  rawDisk,
  serveFiles,
  sha256Of,
  testServers,
} from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const serve = testServers();

describe("an image behind a URL", () => {
  test("with the wrong checksum is kept aside, named, and not used", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const server = await serve(serveFiles({ "disk.img": readFileSync(file) }));
    const wrong = "ab".repeat(32);
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/disk.img`, checksum: `sha256:${wrong}` }),
    );

    const [kept] = readdirSync(join(rig.home.downloads, "rejected"));
    expect(diagnostic).toEqual({
      code: "image/wrong-checksum",
      severity: "error",
      summary: `${server.url}/disk.img does not have the checksum that lab.toml says`,
      detail: `Wanted: sha256:${wrong}\nFound:  sha256:${sha256Of(file)}\nThe file is kept for a look as ${join(rig.home.downloads, "rejected", kept ?? "")} and is not used.`,
      hint: "Either the file changed on the server or it was damaged on the way. Look up its checksum at a place that you trust.",
      address: "image.base",
    });
    expect(existsSync(rig.home.images) ? readdirSync(rig.home.images) : []).toEqual([]);
    expect(readdirSync(rig.home.downloads)).toEqual(["rejected"]);
  });

  test.each([
    ["a web page", Buffer.from("<!DOCTYPE html><html>Sign in</html>"), /web page/],
    ["noise", Buffer.alloc(100_000, 7), /neither qcow2/],
    ["a damaged archive", Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(5000, 9)]), /./],
  ])("that turns out to be %s is refused and kept aside", async (_, bytes, detail) => {
    const rig = imageRig(await temporaryFolder());
    const server = await serve(serveFiles({ "disk.img": bytes }));
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/disk.img` }),
    );
    expect(diagnostic?.code).toMatch(/^image\/(unusable-format|damaged)$/);
    expect(diagnostic?.detail).toMatch(detail);
    expect(existsSync(rig.home.images) ? readdirSync(rig.home.images) : []).toEqual([]);
  });

  test("may not read other files of this host", async () => {
    const rig = imageRig(await temporaryFolder());
    const overlay = join(rig.folder, "overlay.qcow2");
    execFileSync("qemu-img", [
      "create",
      "-q",
      "-f",
      "qcow2",
      "-b",
      "/etc/passwd",
      "-F",
      "raw",
      overlay,
      "1M",
    ]);
    const outside = join(rig.folder, "outside.qcow2");
    execFileSync("qemu-img", [
      "create",
      "-q",
      "-f",
      "qcow2",
      "-o",
      `data_file=${join(rig.folder, "data")},data_file_raw=on`,
      outside,
      "1M",
    ]);
    const server = await serve(
      serveFiles({ overlay: readFileSync(overlay), outside: readFileSync(outside) }),
    );
    for (const [name, why] of [
      ["overlay", "is an overlay on another file"],
      ["outside", "keeps its data in another file"],
    ]) {
      const [diagnostic] = await diagnosticsOf(
        planAndObtain(rig, { source: "url", url: `${server.url}/${name}` }),
      );
      expect(diagnostic).toMatchObject({
        code: "image/unsafe-qcow2",
        summary: `${server.url}/${name} ${why}, which could be any file of this host`,
      });
    }
    expect(readdirSync(join(rig.home.downloads, "rejected"))).toHaveLength(2);
  });
});
