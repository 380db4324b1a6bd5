import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { imageDiskPath, imageProvider } from "../../../providers/images/index.ts";
import { ownOwner } from "../../../providers/images/owner.ts";
import { memoryTrace } from "../../support/effects.ts";
import {
  diagnosticsOf,
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

describe("a local file", () => {
  test("is copied into the store; the same bytes by URL are the same image", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = qcow2Disk(join(rig.folder, "disk.qcow2"));
    const obtained = await planAndObtain(rig, { source: "path", path: "disk.qcow2" });
    expect(obtained.digest).toBe(sha256Of(file));
    expect(obtained.pin).toBeUndefined();
    expect(obtained.attributes).toMatchObject({ source: file, source_format: "qcow2" });

    const server = await serve(serveFiles({}));
    const same = await rig.provider.resolve(
      specOf(rig, { source: "url", url: `${server.url}/gone`, checksum: `sha256:${obtained.digest}` }),
      { upgrade: false },
    );
    expect(same).toMatchObject({ digest: obtained.digest, present: true, key: obtained.attributes.key });
    expect(server.requests).toEqual([]);
  });

  test("is refused when it is missing, has another checksum, or changed after the plan", async () => {
    const rig = imageRig(await temporaryFolder());
    const [missing] = await diagnosticsOf(planAndObtain(rig, { source: "path", path: "none.img" }));
    expect(missing).toMatchObject({
      code: "image/file-not-found",
      summary: `the image file ${join(rig.folder, "none.img")} does not exist`,
    });

    const file = rawDisk(join(rig.folder, "disk.img"));
    const inputs = { source: "path", path: "disk.img" } as const;
    const [wrong] = await diagnosticsOf(
      planAndObtain(rig, { ...inputs, checksum: `sha512:${"0".repeat(128)}` }),
    );
    expect(wrong).toMatchObject({
      code: "image/wrong-checksum",
      detail: `Declared: sha512:${"0".repeat(128)}\nFound:    sha512:${sha256Of(file, "sha512")}`,
    });

    const { key } = await rig.provider.resolve(specOf(rig, inputs), { upgrade: false });
    rawDisk(file, 8 * 1024 * 1024);
    const [changed] = await diagnosticsOf(
      rig.provider.obtain({ ...specOf(rig, inputs), key }, listen().context),
    );
    expect(changed).toMatchObject({ code: "image/changed-since-plan", hint: "Plan and apply again." });
    expect(existsSync(rig.home.images) ? readdirSync(rig.home.images) : []).toEqual([]);
  });

  test("is read once: later plans know its digest by size, time and inode", async () => {
    const folder = await temporaryFolder();
    const rig = imageRig(folder);
    const file = rawDisk(join(folder, "disk.img"));
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    await planAndObtain(rig, { source: "path", path: "disk.img" });
    const hashed: string[] = [];
    const watching = imageRig(folder, (effects) => ({
      ...effects,
      files: {
        ...effects.files,
        sha256: (path, options) => {
          hashed.push(path);
          return effects.files.sha256(path, options);
        },
      },
    }));
    const resolve = () =>
      watching.provider.resolve(specOf(rig, { source: "path", path: "disk.img" }), { upgrade: false });
    expect((await resolve()).present).toBe(true);
    expect(hashed).toEqual([]);
    rawDisk(file, 8 * 1024 * 1024);
    expect((await resolve()).present).toBe(false);
    expect(hashed).toEqual([file]);
  });
});

describe("the store", () => {
  test("is only read when planning", async () => {
    const folder = await temporaryFolder();
    const rig = imageRig(folder);
    rawDisk(join(folder, "disk.img"));
    const { digest } = await planAndObtain(rig, { source: "path", path: "disk.img" });
    const { effects, calls } = memoryTrace(nodeEffects());
    const provider = imageProvider({ effects, home: rig.home });
    await provider.resolve(specOf(rig, { source: "path", path: "disk.img" }), { upgrade: false });
    await provider.read([digest]);
    expect(calls).toEqual([]);
  });

  test("notices a touched file, and mends the record when the bytes are right", async () => {
    const rig = imageRig(await temporaryFolder());
    qcow2Disk(join(rig.folder, "disk.qcow2"));
    const { digest } = await planAndObtain(rig, { source: "path", path: "disk.qcow2" });
    utimesSync(imageDiskPath(rig.home, digest), 1, 1);
    expect((await rig.provider.read([digest])).get(digest)).toEqual({
      state: "changed",
      reason: "its modification time is not the recorded one",
    });
    expect((await rig.provider.verifyImage(digest)).state).toBe("whole");
    expect((await rig.provider.read([digest])).get(digest)?.state).toBe("present");
  });

  test("restores damaged bytes from the source and keeps the damaged ones aside", async () => {
    const rig = imageRig(await temporaryFolder());
    qcow2Disk(join(rig.folder, "disk.qcow2"));
    const inputs = { source: "path", path: "disk.qcow2" } as const;
    const { digest } = await planAndObtain(rig, inputs);
    const disk = imageDiskPath(rig.home, digest);
    chmodSync(disk, 0o600);
    writeFileSync(disk, "gone");
    expect(await rig.provider.verifyImage(digest)).toEqual({
      state: "damaged",
      reason: expect.stringMatching(/^its SHA-256 is /),
    });
    const plan = await rig.provider.resolve(specOf(rig, inputs), { upgrade: false });
    expect(plan.present).toBe(false);
    expect((await planAndObtain(rig, inputs)).digest).toBe(digest);
    expect(sha256Of(disk)).toBe(digest);
    expect(readdirSync(rig.home.images).filter((name) => name.startsWith(".damaged-"))).toHaveLength(1);
  });

  test("takes an image by its digest, or says how to bring it in", async () => {
    const rig = imageRig(await temporaryFolder());
    qcow2Disk(join(rig.folder, "disk.qcow2"));
    const { digest } = await planAndObtain(rig, { source: "path", path: "disk.qcow2" });
    const found = await planAndObtain(rig, { source: "digest", digest: `sha256:${digest}` });
    expect(found.digest).toBe(digest);
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "digest", digest: `sha256:${"0".repeat(64)}` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/not-in-store",
      hint: "Import an archive of it (`vmlab images export` writes one): vmlab images import FILE. Or name the file in lab.toml with `archive`.",
    });
    rmSync(join(rig.home.images, digest, "image.json"));
    expect(
      await diagnosticsOf(planAndObtain(rig, { source: "digest", digest: `sha256:${digest}` })),
    ).toMatchObject([
      { code: "image/record-missing", hint: expect.stringContaining("vmlab images verify --repair") },
    ]);
  });

  test("gets an image once for two that want it at the same time", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const waiting = new AbortController();
    const bytes = readFileSync(file);
    const server = await serve((request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      if (request.method === "HEAD") return void response.end();
      response.write(bytes.subarray(0, 1000));
      // The download ends only when the other one waits for it.
      const goOn = (): void => void response.end(bytes.subarray(1000));
      if (waiting.signal.aborted) goOn();
      else waiting.signal.addEventListener("abort", goOn);
    });
    const inputs = { source: "url", url: `${server.url}/disk.img` } as const;
    const heard = listen();
    const second = {
      ...heard.context,
      progress: (phase: string) => {
        heard.context.progress(phase);
        if (phase.startsWith("waiting")) waiting.abort();
      },
    };
    const { key } = await rig.provider.resolve(specOf(rig, inputs), { upgrade: false });
    const spec = { ...specOf(rig, inputs), key };
    const other = imageProvider({ effects: rig.effects, home: rig.home });
    const both = await Promise.all([rig.provider.obtain(spec, second), other.obtain(spec, second)]);
    expect(both[0].digest).toBe(both[1].digest);
    expect(both[0].pin).toEqual(both[1].pin);
    expect(server.requests).toEqual(["HEAD /disk.img", "GET /disk.img"]);
    expect(heard.phases).toContainEqual(expect.stringContaining(`(pid ${process.pid}, `));
  });
});

describe("after a crash", () => {
  test("leftovers of dead processes go, those of living ones stay", async () => {
    const rig = imageRig(await temporaryFolder());
    const own = await ownOwner(rig.effects);
    const child = spawn("true");
    await new Promise((resolve) => child.once("exit", resolve));
    const outside = join(rig.folder, "outside");
    mkdirSync(outside);
    const make = (id: string, owner: object | undefined): void => {
      mkdirSync(join(rig.home.images, `.tmp-${id}`), { recursive: true });
      if (owner !== undefined)
        writeFileSync(join(rig.home.images, `.tmp-${id}.owner.json`), JSON.stringify(owner));
    };
    make("aaaaaaaaaaaa", own);
    make("bbbbbbbbbbbb", { ...own, pid: child.pid, folders: [outside] });
    make("cccccccccccc", { ...own, startTime: "1" });
    make("dddddddddddd", { ...own, bootId: "another boot" });
    make("eeeeeeeeeeee", undefined);
    expect(await rig.provider.recover()).toEqual([
      "unfinished image bbbbbbbbbbbb",
      "unfinished image cccccccccccc",
      "unfinished image dddddddddddd",
      "unfinished image eeeeeeeeeeee",
    ]);
    expect(readdirSync(rig.home.images)).toEqual([".tmp-aaaaaaaaaaaa", ".tmp-aaaaaaaaaaaa.owner.json"]);
    expect(existsSync(outside)).toBe(false);
    expect(await rig.provider.recover()).toEqual([]);
  });

  test("an aborted download leaves the part for the next time, and nothing else", async () => {
    const rig = imageRig(await temporaryFolder());
    const bytes = readFileSync(rawDisk(join(rig.folder, "disk")));
    const abort = new AbortController();
    const server = await serve((request, response) => {
      response.writeHead(200, { "content-length": bytes.length, etag: '"v1"' });
      if (request.method === "HEAD") return void response.end();
      response.write(bytes.subarray(0, 100_000));
    });
    const heard = listen(abort.signal);
    const context = {
      ...heard.context,
      progress: (phase: string, progress?: { done: number }) => {
        if (phase === "downloading" && progress?.done === 100_000) abort.abort(new Error("interrupted"));
      },
    };
    const inputs = { source: "url", url: `${server.url}/disk.img` } as const;
    const { key } = await rig.provider.resolve(specOf(rig, inputs), { upgrade: false });
    await expect(rig.provider.obtain({ ...specOf(rig, inputs), key }, context)).rejects.toThrow(
      "interrupted",
    );
    expect(existsSync(rig.home.images) ? readdirSync(rig.home.images) : []).toEqual([]);
    expect(readdirSync(rig.home.downloads)).toEqual([
      expect.stringMatching(/\.json$/),
      expect.stringMatching(/\.part$/),
    ]);
  });
});
