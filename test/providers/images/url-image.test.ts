/** An image behind a URL comes into the store, whatever its format. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { imageDiskPath } from "../../../providers/images/index.ts";
import {
  imageRig,
  listen,
  planAndObtain,
  qcow2Disk,
  rawDisk,
  serveFiles,
  sha256Of,
  testServers,
} from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const serve = testServers();

describe("an image behind a URL", () => {
  test("is downloaded, verified and kept by the digest of its disk", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = qcow2Disk(join(rig.folder, "disk.qcow2"));
    const digest = sha256Of(file);
    const server = await serve(serveFiles({ "disk.qcow2": readFileSync(file) }));
    const inputs = { source: "url", url: `${server.url}/disk.qcow2`, checksum: `sha256:${digest}` } as const;
    const heard = listen();

    const obtained = await planAndObtain(rig, inputs, { heard });

    expect(obtained.digest).toBe(digest);
    expect(obtained.pin).toBeUndefined();
    expect(heard.phases).toEqual(["connecting", "downloading", "verifying", "checking the image"]);
    const disk = imageDiskPath(rig.home, digest);
    expect(sha256Of(disk)).toBe(digest);
    expect((await rig.effects.files.stat(disk))?.mode).toBe(0o444);
    expect(await rig.provider.read([digest, "0".repeat(64)])).toEqual(
      new Map([
        [
          digest,
          {
            state: "present",
            virtualSize: 4_194_304,
            size: readFileSync(file).length,
            attributes: expect.objectContaining({ digest, source: inputs.url }),
          },
        ],
        ["0".repeat(64), { state: "absent" }],
      ]),
    );
    expect(readdirSync(rig.home.images)).toEqual([digest]);
    expect(readdirSync(rig.home.downloads)).toEqual([]);

    // A second time nothing is asked of the server.
    const asked = server.requests.length;
    expect((await planAndObtain(rig, inputs)).digest).toBe(digest);
    expect(server.requests.length).toBe(asked);
  });

  test.each(["raw", "raw.xz", "raw.gz", "raw.zst", "qcow2.xz"])("may be %s", async (format) => {
    const rig = imageRig(await temporaryFolder());
    const plain = format.startsWith("raw")
      ? rawDisk(join(rig.folder, "disk"))
      : qcow2Disk(join(rig.folder, "disk"));
    const packers: Record<string, readonly string[]> = {
      xz: ["xz", "-k"],
      gz: ["gzip", "-k"],
      zst: ["zstd", "-q", "--format=zstd"],
    };
    const suffix = format.split(".")[1];
    let file = plain;
    if (suffix !== undefined) {
      const [program = "", ...args] = packers[suffix] ?? [];
      execFileSync(program, [...args, plain]);
      file = `${plain}.${suffix}`;
    }
    // The name says nothing.
    const server = await serve(serveFiles({ download: readFileSync(file) }));
    const obtained = await planAndObtain(rig, { source: "url", url: `${server.url}/download` });

    expect(obtained.attributes).toMatchObject({
      source_format: format,
      virtual_size: 4_194_304,
      format: "qcow2",
    });
    const disk = imageDiskPath(rig.home, obtained.digest);
    expect(sha256Of(disk)).toBe(obtained.digest);
    execFileSync("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disk, join(rig.folder, "back")]);
    const raw = format.startsWith("raw") ? plain : `${plain}.raw`;
    expect(sha256Of(join(rig.folder, "back"))).toBe(sha256Of(raw));
  });
});
