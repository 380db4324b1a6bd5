/** What lab.toml leaves open, vmlab.lock pins. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { imageDiskPath } from "../../../providers/images/index.ts";
import {
  diagnosticsOf,
  imageRig,
  planAndObtain,
  rawDisk,
  serveFiles,
  sha256Of,
  specOf,
  testServers,
} from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const serve = testServers();

describe("what lab.toml leaves open", () => {
  test("is read from a checksum list and pinned; a pin needs no network, an upgrade moves it", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const files: Record<string, Buffer | string> = {
      "disk.img": readFileSync(file),
      SHA256SUMS: `${sha256Of(file)} *disk.img\n`,
    };
    const server = await serve((request, response) => serveFiles(files)(request, response));
    const inputs = {
      source: "url",
      url: `${server.url}/disk.img`,
      checksum: `file:${server.url}/SHA256SUMS`,
    } as const;
    const first = await planAndObtain(rig, inputs);
    const source = `${inputs.url} checksum=${inputs.checksum}`;
    expect(first.pin).toEqual({
      source,
      checksum: `sha256:${sha256Of(file)}`,
      digest: first.digest,
      size: 4_194_304,
    });

    const newer = rawDisk(join(rig.folder, "newer-disk"), 8 * 1024 * 1024);
    files["disk.img"] = readFileSync(newer);
    files.SHA256SUMS = `SHA256 (disk.img) = ${sha256Of(newer)}\n`;
    const asked = server.requests.length;
    const pin = first.pin ?? { source: "" };
    expect(await rig.provider.resolve(specOf(rig, inputs, pin), { upgrade: false })).toEqual({
      key: first.attributes.key,
      digest: first.digest,
      present: true,
      virtualSize: 4_194_304,
      pin,
      notes: [],
    });
    expect(server.requests.length).toBe(asked);

    const upgraded = await planAndObtain(rig, inputs, { pin, upgrade: true });
    expect(upgraded.digest).not.toBe(first.digest);
    expect(upgraded.pin?.checksum).toBe(`sha256:${sha256Of(newer)}`);
    // The old image stays: VMs may stand on it.
    expect(existsSync(imageDiskPath(rig.home, first.digest))).toBe(true);
    // Nothing newer: the same image, the same pin.
    const again = await rig.provider.resolve(specOf(rig, inputs, upgraded.pin), { upgrade: true });
    expect(again).toMatchObject({ digest: upgraded.digest, present: true, pin: upgraded.pin });
  });

  test("is pinned by what was downloaded where there is no checksum, and says so", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const files: Record<string, Buffer> = { "disk.img": readFileSync(file) };
    const server = await serve((request, response) => serveFiles(files)(request, response));
    const inputs = { source: "url", url: `${server.url}/disk.img` } as const;
    const resolution = await rig.provider.resolve(specOf(rig, inputs), { upgrade: false });
    expect(resolution).toEqual({
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      present: false,
      download: 4_194_304,
      notes: ["no checksum is declared: vmlab.lock pins what is downloaded, whatever it is"],
    });
    const first = await planAndObtain(rig, inputs);
    expect(first.pin).toEqual({
      source: inputs.url,
      checksum: `sha256:${sha256Of(file)}`,
      digest: first.digest,
      size: 4_194_304,
    });
    const same = await rig.provider.resolve(specOf(rig, inputs, first.pin), { upgrade: true });
    expect(same.digest).toBe(first.digest);

    files["disk.img"] = readFileSync(rawDisk(join(rig.folder, "newer-disk"), 8 * 1024 * 1024));
    const newer = await planAndObtain(rig, inputs, {
      ...(first.pin === undefined ? {} : { pin: first.pin }),
      upgrade: true,
    });
    expect(newer.digest).not.toBe(first.digest);

    // On a host that has neither, the pin decides: the newer file is refused.
    const other = imageRig(await temporaryFolder());
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(other, inputs, first.pin === undefined ? {} : { pin: first.pin }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/wrong-checksum",
      summary: `${inputs.url} does not have the checksum that vmlab.lock says`,
      hint: "If the file was replaced by a newer one that you want, run: vmlab apply --upgrade image.base",
    });
  });

  test("is void as soon as the source changes", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const server = await serve(serveFiles({ "b.img": readFileSync(file) }));
    const inputs = { source: "url", url: `${server.url}/b.img` } as const;
    const obtained = await planAndObtain(rig, inputs, {
      pin: { source: `${server.url}/a.img`, checksum: `sha256:${"0".repeat(64)}` },
    });
    expect(obtained.pin?.source).toBe(inputs.url);
  });

  test("is an error offline unless it is in the store", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const server = await serve(serveFiles({ "disk.img": readFileSync(file) }));
    const inputs = { source: "url", url: `${server.url}/disk.img` } as const;
    const offline = (pin?: Parameters<typeof specOf>[2]) => ({ ...specOf(rig, inputs, pin), offline: true });
    const [diagnostic] = await diagnosticsOf(rig.provider.resolve(offline(), { upgrade: false }));
    expect(diagnostic).toMatchObject({ code: "image/offline", address: "image.base" });
    expect(server.requests).toEqual([]);
    const { pin, digest } = await planAndObtain(rig, inputs);
    expect(await rig.provider.resolve(offline(pin), { upgrade: true })).toMatchObject({
      digest,
      present: true,
    });
  });
});
