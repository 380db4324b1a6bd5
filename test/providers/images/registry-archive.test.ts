import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { Effects } from "../../../engine/effects.ts";
import type { ImageRecord } from "../../../providers/images/image-record.ts";
import {
  type ArchiveManifest,
  diskMember,
  formatManifest,
} from "../../../providers/images/registry/archive-manifest.ts";
import { type ImageRegistry, imageRegistry } from "../../../providers/images/registry/index.ts";
import { findByKey, imageDiskPath, imageFolder, observeImage } from "../../../providers/images/store.ts";
import { failAt, memoryTrace, systemError } from "../../support/effects.ts";
import { guestBytes, putImage, putLab } from "../../support/image-chain.ts";
import {
  diagnosticsOf,
  type ImageRig,
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
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

interface Chain {
  readonly rig: ImageRig;
  readonly registry: ImageRegistry;
  readonly layers: readonly [ImageRecord, ImageRecord, ImageRecord];
}

async function chain(): Promise<Chain> {
  const rig = imageRig(await temporaryFolder());
  const base = await putImage(rig, "noble");
  const role = await putImage(rig, "noble-docker", base, { address: "role.docker" });
  const custom = await putImage(rig, "web", role, { kind: "custom" });
  return { rig, registry: imageRegistry(rig), layers: [base, role, custom] };
}

/** A second host with an empty store. */
async function elsewhere(): Promise<{ rig: ImageRig; registry: ImageRegistry }> {
  const rig = imageRig(await temporaryFolder());
  return { rig, registry: imageRegistry(rig) };
}

const inStore = ({ home }: ImageRig) =>
  existsSync(home.images) ? readdirSync(home.images).filter((name) => name !== ".unused.json") : [];

describe("an archive", () => {
  test.each(["web.tar", "web.tar.gz", "web.tar.zst"])(
    "%s brings the same images with the same digests to another host, and only what is not there",
    async (name) => {
      const { rig, registry, layers } = await chain();
      const [base, role, custom] = layers;
      const path = join(rig.folder, name);
      const exported = await registry.exportArchive(custom.digest, path, {
        flatten: false,
        context: context(),
      });
      expect(exported).toEqual({ digest: custom.digest, layers: 3, size: statSync(path).size });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(rig.folder).sort()).toEqual(["home", name].sort());
      if (name === "web.tar") {
        // Anybody's tar can look into it.
        expect(execFileSync("tar", ["-tf", path], { encoding: "utf8" }).trim().split("\n")).toEqual([
          "manifest.json",
          ...layers.map(({ digest }) => `layers/${digest}/disk.qcow2`),
        ]);
      }

      const there = await elsewhere();
      const imported = await there.registry.importArchive(path, { context: context() });
      expect(imported.added).toEqual(layers.map(({ digest }) => digest));
      const { mtime: _, inode: __, ...facts } = custom;
      expect(imported.record).toMatchObject(facts);
      for (const { digest } of layers) {
        expect(await observeImage(there.rig.effects, there.rig.home, digest)).toMatchObject({
          state: "present",
        });
        expect(statSync(imageDiskPath(there.rig.home, digest)).mode & 0o777).toBe(0o444);
      }
      expect((await findByKey(there.rig.effects, there.rig.home, "key-of-noble-docker"))?.digest).toBe(
        role.digest,
      );
      expect(
        (await guestBytes(there.rig, custom.digest, there.rig.folder)).equals(
          await guestBytes(rig, custom.digest, rig.folder),
        ),
      ).toBe(true);

      const second = await elsewhere();
      await putImage(second.rig, "noble");
      const rest = await second.registry.importArchive(path, { name: "my-web", context: context() });
      expect([rest.present, rest.added, rest.record.name]).toEqual([
        [base.digest],
        [role.digest, custom.digest],
        "my-web",
      ]);
      expect((await second.registry.importArchive(path, { context: context() })).added).toEqual([]);
      expect(
        (await second.registry.verify(undefined, { repair: false, context: context() })).map(
          ({ outcome }) => outcome,
        ),
      ).toEqual(["whole", "whole", "whole"]);
    },
  );

  test("with --flatten holds one disk, which is another image with the same content", async () => {
    const { rig, registry, layers } = await chain();
    const [, , custom] = layers;
    const path = join(rig.folder, "flat.tar");
    const exported = await registry.exportArchive(custom.digest, path, { flatten: true, context: context() });
    expect(exported.layers).toBe(1);
    expect(exported.digest).not.toBe(custom.digest);
    const there = await elsewhere();
    const { record } = await there.registry.importArchive(path, { context: context() });
    expect(record).toMatchObject({
      ...{ digest: exported.digest, name: "web", kind: "export", source: `flattened from ${custom.digest}` },
      steps: ["packages noble-docker", "packages web"],
    });
    expect(record.parent).toBeUndefined();
    expect(
      (await guestBytes(there.rig, record.digest, there.rig.folder)).equals(
        await guestBytes(rig, custom.digest, rig.folder),
      ),
    ).toBe(true);
    expect(await findByKey(there.rig.effects, there.rig.home, "key-of-web")).toBeUndefined();
  });

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

  test("is not made of an image that goes at the last moment", async () => {
    const { rig, layers } = await chain();
    const { createExclusive } = rig.effects.files;
    const effects: Effects = {
      ...rig.effects,
      files: {
        ...rig.effects.files,
        createExclusive: (path, ...rest) => {
          if (path.endsWith(".owner.json"))
            rmSync(imageFolder(rig.home, layers[2].digest), { recursive: true, force: true });
          return createExclusive(path, ...rest);
        },
      },
    };
    const [why] = await diagnosticsOf(
      imageRegistry({ effects, home: rig.home }).exportArchive(
        layers[2].digest,
        join(rig.folder, "web.tar"),
        {
          flatten: false,
          context: context(),
        },
      ),
    );
    expect(why).toMatchObject({ code: "image/damaged", detail: "Its disk is not in the store." });
  });

  test.each([true, false])("is not made of damaged bytes (flattened: %s)", async (flatten) => {
    const { rig, registry, layers } = await chain();
    const disk = imageDiskPath(rig.home, layers[1].digest);
    const bytes = readFileSync(disk);
    bytes[300_000] = (bytes[300_000] ?? 0) ^ 1;
    chmodSync(disk, 0o600);
    writeFileSync(disk, bytes);
    // As a disk that rots does, it looks untouched.
    const { mtimeMs: mtime } = statSync(disk);
    writeFileSync(join(disk, "..", "image.json"), JSON.stringify({ ...layers[1], mtime }));
    const path = join(rig.folder, "web.tar");
    const [why] = await diagnosticsOf(
      registry.exportArchive(layers[2].digest, path, { flatten, context: context() }),
    );
    expect(why).toMatchObject({
      code: "image/damaged",
      detail: expect.stringMatching(/^In the store, the layer .* is damaged: its SHA-256 is /),
    });
    expect(existsSync(path)).toBe(false);
  });

  test("that finds no room to be unpacked is not called damaged", async () => {
    const { rig } = await elsewhere();
    const file = join(rig.folder, "web.tar.zst");
    writeFileSync(file, Buffer.from("28b52ffd00", "hex"));
    const stderr = "zstd: error 70 : Write error : cannot write block : No space left on device\n";
    const full = {
      ...rig.effects,
      processes: {
        ...rig.effects.processes,
        run: async () => ({ code: 70, stdout: "", stderr, timedOut: false }),
      },
    };
    const [why] = await diagnosticsOf(
      imageRegistry({ effects: full, home: rig.home }).importArchive(file, { context: context() }),
    );
    expect(why).toMatchObject({ code: "host/disk-full", detail: stderr.trim() });
    expect(inStore(rig)).toEqual([]);
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

  test("is not written at all when it cannot be written whole", async () => {
    const { rig, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    const { effects, calls } = memoryTrace(rig.effects);
    const trace = imageRegistry({ effects, home: rig.home });
    await trace.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const writing = calls.find(({ method }) => method === "files.download");
    rmSync(path);
    const full = failAt(rig.effects, writing?.number ?? 0, systemError("ENOSPC"));
    const [why] = await diagnosticsOf(
      imageRegistry({ effects: full, home: rig.home }).exportArchive(layers[2].digest, path, {
        flatten: false,
        context: context(),
      }),
    );
    expect(why).toMatchObject({ code: "host/archive-not-written", detail: "The disk is full." });
    const [name] = await diagnosticsOf(
      trace.exportArchive(layers[2].digest, join(rig.folder, "web.zip"), {
        flatten: false,
        context: context(),
      }),
    );
    expect(name).toMatchObject({ code: "host/archive-name" });
    const nowhere = join(rig.folder, "no/folder/web.tar");
    const [missing] = await diagnosticsOf(
      trace.exportArchive(layers[2].digest, nowhere, { flatten: false, context: context() }),
    );
    expect(missing).toMatchObject({ detail: "Its folder does not exist." });
    expect(readdirSync(rig.folder)).toEqual(["home"]);
    expect(inStore(rig).filter((entry) => entry.startsWith("."))).toEqual([]);
  });

  test("that breaks off at any durable effect leaves whole layers, and the next import brings the rest", async () => {
    const { rig, registry, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    await registry.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const counting = await elsewhere();
    const { effects, calls } = memoryTrace(counting.rig.effects);
    await imageRegistry({ effects, home: counting.rig.home }).importArchive(path, { context: context() });
    expect(calls.length).toBeGreaterThan(20);
    for (let number = 1; number <= calls.length; number += 9) {
      const there = await elsewhere();
      const broken = failAt(there.rig.effects, number, systemError("EIO"));
      await imageRegistry({ effects: broken, home: there.rig.home })
        .importArchive(path, { context: context() })
        .catch(() => undefined);
      for (const image of await there.registry.list())
        expect([number, image.condition]).toEqual([number, { state: "present" }]);
      await there.registry.importArchive(path, { context: context() });
      await there.rig.provider.recover();
      expect([
        number,
        inStore(there.rig)
          .filter((name) => !name.startsWith(".tmp-"))
          .sort(),
      ]).toEqual([number, layers.map(({ digest }) => digest).sort()]);
    }
  });

  test("under way is not pruned: neither what it reads nor what it brings", async () => {
    const { rig, registry, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    await registry.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const there = await elsewhere();
    await putLab(there.rig, "demo", join(there.rig.folder, "demo"), []);
    await putImage(there.rig, "noble");
    const seen: string[] = [];
    let rename = there.rig.effects.files.rename;
    const pruning = {
      ...there.rig.effects,
      files: {
        ...there.rig.effects.files,
        rename: async (from: string, to: string) => {
          await rename(from, to);
          const { removed } = await there.registry.prune({ now: Date.now(), keepMs: 0 });
          seen.push(...removed.map(({ name }) => name));
        },
      },
    };
    rename = there.rig.effects.files.rename;
    await imageRegistry({ effects: pruning, home: there.rig.home }).importArchive(path, {
      context: context(),
    });
    expect(seen).toEqual([]);
    expect(await there.registry.list()).toHaveLength(3);
    expect(existsSync(imageFolder(there.rig.home, layers[0].digest))).toBe(true);
  });
});

describe("an image by digest with an archive in lab.toml", () => {
  test("is taken from the file or the URL when it is not in the store, and only if it is that image", async () => {
    const { rig, registry, layers } = await chain();
    const [base, , custom] = layers;
    const file = join(rig.folder, "web.tar.zst");
    await registry.exportArchive(custom.digest, file, { flatten: false, context: context() });
    const server = await serve(serveFiles({ "web.tar.zst": readFileSync(file) }));
    for (const archive of [file, `${server.url}/web.tar.zst`]) {
      const { rig: there } = await elsewhere();
      const inputs = { source: "digest", digest: `sha256:${custom.digest}` } as const;
      expect(await diagnosticsOf(planAndObtain(there, inputs))).toMatchObject([
        { code: "image/not-in-store", hint: expect.stringContaining("vmlab images import FILE") },
      ]);
      const obtained = await planAndObtain(there, { ...inputs, archive });
      expect(obtained.digest).toBe(custom.digest);
      expect(await observeImage(there.effects, there.home, custom.digest)).toMatchObject({
        state: "present",
      });
      expect(existsSync(there.home.downloads) ? readdirSync(there.home.downloads) : []).toEqual([]);
      const other = { source: "digest", digest: `sha256:${"f".repeat(64)}`, archive } as const;
      const [wrong] = await diagnosticsOf(planAndObtain(there, other));
      expect(wrong).toMatchObject({
        code: "image/not-in-archive",
        detail: expect.stringContaining(base.digest),
      });
    }
    const [gone] = await diagnosticsOf(
      planAndObtain(rig, { source: "digest", digest: `sha256:${"f".repeat(64)}`, archive: "no.tar" }),
    );
    expect(gone).toMatchObject({ code: "image/file-not-found" });
  });
});

describe("an archive that was damaged on its way", () => {
  test("is put aside, and got anew by the next apply", async () => {
    const { rig, registry, layers } = await chain();
    const file = join(rig.folder, "noble.tar");
    await registry.exportArchive(layers[0].digest, file, { flatten: false, context: context() });
    const whole = readFileSync(file);
    let sent = Buffer.from(whole);
    sent.fill(1, 200_000, 200_100);
    const { url } = await serve(({ headers }, response) => {
      const from = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
      if (Number(from) >= sent.length)
        return void response.writeHead(416, { "content-range": `bytes */${sent.length}` }).end();
      response.writeHead(200, { etag: '"same"', "content-length": sent.length }).end(sent);
    });
    const { rig: there } = await elsewhere();
    const inputs = {
      source: "digest",
      digest: `sha256:${layers[0].digest}`,
      archive: `${url}/noble.tar`,
    } as const;
    const [why] = await diagnosticsOf(planAndObtain(there, inputs));
    expect(why).toMatchObject({
      code: "host/archive-damaged",
      summary: `${url}/noble.tar is not a whole archive`,
    });
    expect(readdirSync(there.home.downloads)).toEqual(["rejected"]);
    sent = whole;
    expect((await planAndObtain(there, inputs)).digest).toBe(layers[0].digest);
  });
});

describe("a plain disk file", () => {
  test("becomes an image, as it would by its path in lab.toml", async () => {
    const { rig, registry } = await elsewhere();
    const file = qcow2Disk(join(rig.folder, "golden.qcow2"));
    const record = await registry.importDisk(file, { context: context() });
    expect(record).toMatchObject({ digest: sha256Of(file), name: "golden", kind: "import", source: file });
    const lab = { name: "demo", lineage: "0123456789abcdef", folder: rig.folder };
    const resolved = await rig.provider.resolve(
      {
        ...{ address: "image.golden", name: "golden", lab, offline: false },
        inputs: { source: "path", path: "golden.qcow2", user: "vmlab" },
      },
      { upgrade: false },
    );
    expect(resolved).toMatchObject({ present: true, digest: record.digest });
    const raw = rawDisk(join(rig.folder, "raw.img"), 8 * 1024 * 1024);
    const named = await registry.importDisk(raw, { name: "other", context: context() });
    expect(named).toMatchObject({ name: "other", format: "raw" });
    expect(existsSync(raw)).toBe(true);
    expect((await registry.importDisk(raw, { name: "again", context: context() })).name).toBe("again");
    writeFileSync(join(rig.folder, "notes.txt"), "hello");
    const [why] = await diagnosticsOf(
      registry.importDisk(join(rig.folder, "notes.txt"), { context: context() }),
    );
    expect(why).toMatchObject({ code: "image/unusable-format" });
  });
});
