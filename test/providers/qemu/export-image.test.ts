/** Exports of machines that never ran, with real disks: what becomes of layers, and what is left when it goes wrong. */
import { execFileSync } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import { imageDiskPath, imageProvider } from "../../../providers/images/index.ts";
import { readRecord } from "../../../providers/images/store.ts";
import { recoverBuilds } from "../../../providers/packer/build-place.ts";
import type { ExportOptions, VmProvider, VmSpec } from "../../../providers/provider.ts";
import { qemuProvider } from "../../../providers/qemu/index.ts";
import { failAt, memoryTrace } from "../../support/effects.ts";
import { diagnosticsOf } from "../../support/guests/provider-rig.ts";
import { listen, rawDisk } from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const MiB = 2 ** 20;
const ID = "0123456789ab";
const PLAIN: ExportOptions = {
  name: "made",
  live: false,
  crashConsistent: false,
  compress: "zstd",
  flatten: false,
  seal: false,
  verify: false,
};

jest.setTimeout(60_000);

const temporary = temporaryFolders();
let root: string;
let home: Home;
let base: string;

beforeEach(async () => {
  root = await temporary();
  home = homeFrom({ VMLAB_HOME: join(root, "h") });
  base = await stored(rawDisk(join(root, "base.raw"), 8 * MiB));
  await machines().create(spec(ID, base), listen().context);
  write(active(), "-P 0xab 1M 64k", "-P 0xcd 6M 64k");
});

function machines(effects: Effects = withHome(nodeEffects())): VmProvider {
  return qemuProvider({ effects, home, imageDisk: (digest) => imageDiskPath(home, digest) });
}

/** The tester's own keys stay out of it. */
function withHome(effects: Effects): Effects {
  return { ...effects, host: { ...effects.host, env: { ...effects.host.env, HOME: root } } };
}

const imageProviders = () => imageProvider({ effects: nodeEffects(), home });

async function stored(path: string): Promise<string> {
  const images = imageProviders();
  const image = {
    address: "image.base",
    name: "base",
    lab: { name: "demo", lineage: "00112233aabbccdd", folder: root },
    inputs: { source: "path", path, user: "lab" },
    offline: true,
  } as const;
  const { key } = await images.resolve(image, { upgrade: false });
  return (await images.obtain({ ...image, key }, listen().context)).digest;
}

function spec(id: string, digest: string): VmSpec {
  return {
    id,
    name: "web",
    lab: { name: "demo", lineage: "00112233aabbccdd", folder: root },
    base: { digest, user: "lab" },
    cpus: 1,
    memory: 64 * MiB,
    disk: 16 * MiB,
    firmware: "bios",
    machine: "pc-i440fx-7.2",
    accel: "tcg",
    user: "lab",
    keys: [],
    ports: [],
    labels: {},
    env: {},
    timeouts: { bootMs: 1, loginMs: 1, cloudInitMs: 1, stepMs: 1, stopMs: 1 },
  };
}

const active = (name = "disk-0.qcow2") => join(home.vms, ID, name);
const write = (path: string, ...writes: string[]) =>
  execFileSync("qemu-io", [...writes.flatMap((each) => ["-c", `write ${each}`]), path], { stdio: "ignore" });
const sameView = (a: string, b: string) =>
  execFileSync("qemu-img", ["compare", a, b], { encoding: "utf8" }).trim();
const info = (path: string) =>
  JSON.parse(execFileSync("qemu-img", ["info", "--output=json", path], { encoding: "utf8" })) as Record<
    string,
    unknown
  >;
const inStore = async () => (await readdir(home.images)).sort();

describe("an export", () => {
  test("is what differs from the image below, on it by a path that moves with the store", async () => {
    const before = await readFile(active());
    const heard = listen();
    const { digest, attributes } = await machines().exportImage(ID, PLAIN, heard.context);
    const disk = imageDiskPath(home, digest);
    expect(sameView(active(), disk)).toBe("Images are identical.");
    expect(info(disk)["backing-filename"]).toBe(`../${base}/disk.qcow2`);
    expect(info(disk)["virtual-size"]).toBe(16 * MiB);
    expect((await readFile(disk)).length).toBeLessThan(0.5 * MiB);
    expect(await readRecord(nodeEffects(), home, digest)).toMatchObject({
      kind: "export",
      name: "made",
      parent: base,
      source: "export of vm.web of lab demo",
      user: "lab",
      virtual_size: 16 * MiB,
    });
    expect(attributes).toMatchObject({ digest, name: "made", parent: base, user: "lab" });
    expect(await readFile(active())).toEqual(before);
    expect(await inStore()).toEqual([base, digest].sort());
    expect(await readdir(join(home.vms, ID))).not.toContain("copy.json");
    expect(heard.phases).toEqual([
      "looking at the disk",
      "merging the layers",
      "compressing with zstd",
      "comparing the image with its source",
      "checking the image",
      "looking at the disk",
      "reading the image",
    ]);
  });

  test("stands alone with flatten, and merges all layers that are the VM's own", async () => {
    const top = active("disk-1.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", active(), top]);
    write(top, "-z 6M 64k", "-P 0xef 12M 64k");
    const record = join(home.vms, ID, "vm.json");
    await writeFile(
      record,
      (await readFile(record, "utf8")).replace(
        '"file": "disk-0.qcow2"\n    }',
        '"file": "disk-0.qcow2" }, { "file": "disk-1.qcow2" }',
      ),
    );
    const merged = await machines().exportImage(ID, PLAIN, listen().context);
    const alone = await machines().exportImage(
      ID,
      { ...PLAIN, flatten: true, compress: "none" },
      listen().context,
    );
    for (const { digest } of [merged, alone])
      expect(sameView(top, imageDiskPath(home, digest))).toBe("Images are identical.");
    expect(info(imageDiskPath(home, merged.digest))["backing-filename"]).toBe(`../${base}/disk.qcow2`);
    expect(info(imageDiskPath(home, alone.digest))["backing-filename"]).toBeUndefined();
    expect(alone.attributes).not.toHaveProperty("parent");
  });

  test("of a VM that stands on an export is a third layer", async () => {
    const first = await machines().exportImage(ID, PLAIN, listen().context);
    const child = "0123456789ac";
    await machines().create(spec(child, first.digest), listen().context);
    write(join(home.vms, child, "disk-0.qcow2"), "-P 0x11 3M 64k");
    const second = await machines().exportImage(child, PLAIN, listen().context);
    expect(second.attributes).toMatchObject({ parent: first.digest });
    expect(sameView(join(home.vms, child, "disk-0.qcow2"), imageDiskPath(home, second.digest))).toBe(
      "Images are identical.",
    );
  });

  test("takes a snapshot by its name, and says which there are", async () => {
    execFileSync("qemu-img", ["snapshot", "-c", "one, two", active()]);
    const then = join(root, "then.qcow2");
    execFileSync("qemu-img", ["convert", "-O", "qcow2", active(), then]);
    write(active(), "-P 0x22 1M 64k");
    const [unknown] = await diagnosticsOf(
      machines().exportImage(ID, { ...PLAIN, snapshot: "last" }, listen().context),
    );
    expect(unknown).toMatchObject({ code: "image/export-no-snapshot", hint: "It has one, two." });
    const { digest } = await machines().exportImage(ID, { ...PLAIN, snapshot: "one, two" }, listen().context);
    expect(sameView(then, imageDiskPath(home, digest))).toBe("Images are identical.");
    expect((await readRecord(nodeEffects(), home, digest))?.source).toBe(
      "export of snapshot one, two of vm.web of lab demo",
    );
  });
});

describe("refused is", () => {
  const log = (line: string) => writeFile(join(home.vms, ID, "qemu.log"), `${line}\n`);
  const ran = () =>
    writeFile(
      join(home.vms, ID, "runtime.json"),
      JSON.stringify({
        version: 1,
        state: "stopped",
        bootId: "x",
        accel: "tcg",
        forwards: [],
        startedAt: 0,
        consoleOffset: 0,
      }),
    );

  test("a machine that was switched off or killed, unless that is said to be enough", async () => {
    await ran();
    await log("qemu_system_shutdown_request reason=2");
    const [unclean] = await diagnosticsOf(machines().exportImage(ID, PLAIN, listen().context));
    expect(unclean).toMatchObject({ code: "image/export-unclean", address: "vm.web" });
    await machines().exportImage(ID, { ...PLAIN, crashConsistent: true }, listen().context);
    await log("qemu_system_shutdown_request reason=6");
    await machines().exportImage(ID, PLAIN, listen().context);
  });

  test("sealing without a kernel in the image, with the way round it", async () => {
    const [cannot] = await diagnosticsOf(
      machines().exportImage(ID, { ...PLAIN, seal: true }, listen().context),
    );
    expect(cannot).toMatchObject({
      code: "image/cannot-seal",
      summary:
        "the copy of vm.web cannot be sealed: the image has no ext2, ext3 or ext4 file system, where its kernel could be read",
    });
    expect(await inStore()).toEqual([base]);
  });

  test("a machine whose image is gone", async () => {
    await rm(join(home.images, base), { recursive: true, force: true });
    const [broken] = await diagnosticsOf(machines().exportImage(ID, PLAIN, listen().context));
    expect(broken?.code).toBe("vm/broken");
  });

  test("what would not fit, before anything is written", async () => {
    const real = withHome(nodeEffects());
    const full = { ...real, host: { ...real.host, disk: async () => ({ total: 1e9, free: 100 * 1024 }) } };
    const [noSpace] = await diagnosticsOf(machines(full).exportImage(ID, PLAIN, listen().context));
    expect(noSpace).toMatchObject({
      code: "image/no-space",
      detail: expect.stringMatching(/^It may need .* for a while, and 100 KiB are free\.$/),
    });
  });
});

describe("nothing is left of an export", () => {
  test("when the disk gets full on the way", async () => {
    const real = withHome(nodeEffects());
    const run: Effects["processes"]["run"] = async (program, args, options) =>
      args[0] === "convert"
        ? {
            code: 1,
            stdout: "",
            stderr: "qemu-img: error while writing: No space left on device",
            timedOut: false,
          }
        : await real.processes.run(program, args, options);
    const effects = { ...real, processes: { ...real.processes, run } };
    const [noSpace] = await diagnosticsOf(machines(effects).exportImage(ID, PLAIN, listen().context));
    expect(noSpace?.code).toBe("image/no-space");
    expect(await inStore()).toEqual([base]);
  });

  test("when it is interrupted", async () => {
    const abort = new AbortController();
    const heard = listen(abort.signal);
    const context = {
      ...heard.context,
      progress: (phase: string) => (phase.startsWith("compressing") ? abort.abort() : undefined),
    };
    await expect(machines().exportImage(ID, PLAIN, context)).rejects.toThrow();
    expect(await inStore()).toEqual([base]);
  });

  test("when any of its steps fails, but what the next one clears away", async () => {
    const before = await readFile(active());
    let whole = false;
    for (let n = 1; !whole; n += 1) {
      const failing = failAt(quickDisks(withHome(nodeEffects())), n, new Error("on purpose"));
      const { effects, calls } = memoryTrace(failing);
      const result = await machines(effects)
        .exportImage(ID, PLAIN, listen().context)
        .catch(() => undefined);
      await buryOwners();
      const images = imageProviders();
      await recoverBuilds(nodeEffects(), home, machines());
      await images.recover();
      const made = (await inStore()).filter((name) => name !== base);
      // An image that is there is whole, and there is one whenever somebody was told so.
      for (const digest of made) expect(await images.verifyImage(digest)).toMatchObject({ state: "whole" });
      if (result !== undefined) expect(made).toEqual([result.digest]);
      for (const name of made) await rm(join(home.images, name), { recursive: true, force: true });
      whole = calls.length < n;
      if (whole) expect(result).toBeDefined();
    }
    expect(await readFile(active())).toEqual(before);
  }, 120_000);
});

/** Makes locks and temporary folders those of a dead process, as they would be after a crash. */
async function buryOwners(): Promise<void> {
  await rm(join(home.root, "locks"), { recursive: true, force: true });
  for (const name of (await inStore()).filter((each) => each.endsWith(".owner.json"))) {
    const path = join(home.images, name);
    const owner = JSON.parse(await readFile(path, "utf8")) as object;
    await writeFile(path, JSON.stringify({ ...owner, startTime: "0" }));
  }
}

/** Effects with a qemu-img that is done at once: it is not what is tested here. */
function quickDisks(effects: Effects): Effects {
  const run: Effects["processes"]["run"] = async (program, args, options) => {
    if (program !== "qemu-img") return await effects.processes.run(program, args, options);
    const done = { code: 0, stdout: "", stderr: "", timedOut: false };
    if (args[0] === "info" || args[0] === "measure")
      return { ...done, stdout: JSON.stringify({ "virtual-size": 16 * MiB, required: MiB }) };
    if (args[0] === "convert" || args[0] === "create") await writeFile(args.at(-1) ?? "", "pretend");
    return done;
  };
  return { ...effects, processes: { ...effects.processes, run } };
}
