import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { transferProgress } from "../../../providers/images/download.ts";
import { imageDiskPath } from "../../../providers/images/index.ts";
import {
  diagnosticsOf,
  etagOf,
  imageRig,
  listen,
  planAndObtain,
  qcow2Disk,
  rawDisk,
  serveFiles,
  sha256Of,
  specOf,
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

  test("goes on where a broken connection ended", async () => {
    const rig = imageRig(await temporaryFolder());
    const bytes = readFileSync(rawDisk(join(rig.folder, "disk")));
    const whole = serveFiles({ "disk.img": bytes });
    let tries = 0;
    const server = await serve((request, response) => {
      if (request.method === "HEAD" || tries++ > 0) return whole(request, response);
      response.writeHead(200, { etag: etagOf(bytes), "content-length": bytes.length });
      response.write(bytes.subarray(0, 1_000_000), () => response.destroy());
    });
    const heard = listen();
    const obtained = await planAndObtain(
      rig,
      {
        source: "url",
        url: `${server.url}/disk.img`,
        checksum: `sha256:${sha256Of(join(rig.folder, "disk"))}`,
      },
      { heard },
    );

    expect(obtained.attributes.virtual_size).toBe(bytes.length);
    const gets = server.requests.filter((request) => request.startsWith("GET"));
    expect(gets).toEqual(["GET /disk.img", expect.stringMatching(/^GET \/disk\.img bytes=[1-9]\d*-$/)]);
    expect(heard.output[0]).toMatch(/^download interrupted: /);
  });

  test("begins anew where the server ignores ranges or has another file", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const bytes = readFileSync(file);
    let tries = 0;
    const server = await serve((request, response) => {
      response.writeHead(200, { etag: `"v${tries}"`, "content-length": bytes.length });
      if (request.method === "HEAD") return void response.end();
      tries += 1;
      if (tries === 1) response.write(bytes.subarray(500_000, 900_000), () => response.destroy());
      else response.end(bytes);
    });
    const obtained = await planAndObtain(rig, {
      source: "url",
      url: `${server.url}/disk.img`,
      checksum: `sha256:${sha256Of(file)}`,
    });
    expect(obtained.attributes.checksum).toBe(`sha256:${sha256Of(file)}`);
    expect(server.requests).toEqual([
      "HEAD /disk.img",
      "GET /disk.img",
      expect.stringMatching(/^GET \/disk\.img bytes=[1-9]\d*-$/),
    ]);
  });

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

  test("that is not there ends at once, without retries", async () => {
    const rig = imageRig(await temporaryFolder());
    const server = await serve(serveFiles({}));
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/gone.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/not-found",
      summary: `there is no file at ${server.url}/gone.img`,
      detail: "It answered with HTTP status 404.",
    });
    expect(server.requests).toEqual(["HEAD /gone.img", "GET /gone.img"]);
  });

  test("that cannot be reached is tried five times, with growing pauses", async () => {
    const pauses: number[] = [];
    const rig = imageRig(await temporaryFolder(), (effects) => ({
      ...effects,
      clock: { ...effects.clock, sleep: async (ms) => void pauses.push(ms) },
    }));
    const server = await serve((_, response) => void response.writeHead(503).end());
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `http://me:secret@${server.url.slice(7)}/a.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/unreachable",
      summary: `${server.url}/a.img could not be downloaded`,
      detail: "5 tries failed, the last one with: HTTP status 503",
    });
    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
  });

  test("that does not fit on the disk is not begun", async () => {
    const rig = imageRig(await temporaryFolder(), (effects) => ({
      ...effects,
      host: { ...effects.host, disk: async () => ({ total: 1000, free: 1000 }) },
    }));
    const server = await serve(serveFiles({ "disk.img": readFileSync(rawDisk(join(rig.folder, "disk"))) }));
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/disk.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/no-space",
      detail: `It needs 4 MiB; ${rig.home.downloads} has 1 MiB free.`,
    });
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

test("progress tells the rate of this try and the time left of the whole", () => {
  expect(transferProgress(3_000_000, 1_000_000, 5_000_000, 500)).toEqual({
    unit: "bytes",
    done: 3_000_000,
    total: 5_000_000,
    ratePerSecond: 2_000_000,
    etaMs: 1000,
  });
  expect(transferProgress(10, 10, undefined, 0)).toEqual({ unit: "bytes", done: 10 });
});

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
