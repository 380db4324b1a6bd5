import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { acquireLock } from "../../../engine/state/lock.ts";
import type { ImageRecord } from "../../../providers/images/image-record.ts";
import { layersOf } from "../../../providers/images/layers.ts";
import {
  type ImageRegistry,
  imageRegistry,
  pruneOrphans,
  storeNotes,
} from "../../../providers/images/registry/index.ts";
import {
  findByKey,
  imageDiskPath,
  imageFolder,
  observeImage,
  readRecord,
} from "../../../providers/images/store.ts";
import { withWorkplace } from "../../../providers/images/workplace.ts";
import { failFrom, memoryTrace, systemError } from "../../support/effects.ts";
import { putImage, putLab, putVm } from "../../support/image-chain.ts";
import { diagnosticsOf, type ImageRig, imageRig, listen } from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const DAY = 86_400_000;

interface Chain {
  readonly rig: ImageRig;
  readonly registry: ImageRegistry;
  readonly base: ImageRecord;
  readonly role: ImageRecord;
  readonly custom: ImageRecord;
}

/** base ← role ← custom. */
async function chain(): Promise<Chain> {
  const rig = imageRig(await temporaryFolder());
  const base = await putImage(rig, "noble");
  const role = await putImage(rig, "noble-docker", base, { address: "role.docker", use: "docker" });
  const custom = await putImage(rig, "web", role, { kind: "custom", address: "image.web" });
  return { rig, registry: imageRegistry(rig), base, role, custom };
}

const context = () => listen().context;

/** Changes one byte of a disk of the store, leaving size and time as they are. */
function flipByte(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}

describe("layers", () => {
  test("are listed lowest first, with who stands on each", async () => {
    const { rig, registry, base, role, custom } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [custom.digest]);
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: role.digest });
    putVm(rig, { id: "ba9876543210", name: "old", lab: "demo", on: custom.digest, where: "trash" });
    expect((await layersOf(rig.effects, rig.home, custom.digest)).map(({ name }) => name)).toEqual([
      "noble",
      "noble-docker",
      "web",
    ]);
    const found = new Map((await registry.list()).map((image) => [image.name, image]));
    expect(found.get("noble")).toMatchObject({
      layers: [base.digest],
      sharedBy: { images: 2, vms: 2 },
      users: [],
      needed: true,
      condition: { state: "present" },
    });
    expect(found.get("noble-docker")).toMatchObject({
      sharedBy: { images: 1, vms: 2 },
      users: [{ kind: "vm", name: "db", lab: "demo", inTrash: false }],
      children: [custom.digest],
    });
    expect(found.get("web")).toMatchObject({
      layers: [base.digest, role.digest, custom.digest],
      sharedBy: { images: 0, vms: 1 },
      users: [
        { kind: "lab", name: "demo" },
        { kind: "vm", name: "old", inTrash: true },
      ],
    });
  });

  test("that are missing or changed make what stands on them changed, and name themselves", async () => {
    const { rig, base, role, custom } = await chain();
    const look = (digest: string) => observeImage(rig.effects, rig.home, digest);
    expect(await look(custom.digest)).toMatchObject({ state: "present" });
    utimesSync(imageDiskPath(rig.home, role.digest), 1, 1);
    const short = role.digest.slice(0, 12);
    expect(await look(custom.digest)).toEqual({
      state: "changed",
      reason: `the layer noble-docker (${short}) below it was changed: its modification time is not the recorded one`,
    });
    expect(await findByKey(rig.effects, rig.home, "key-of-web")).toBeUndefined();
    rmSync(imageFolder(rig.home, base.digest), { recursive: true });
    expect(await look(role.digest)).toMatchObject({ state: "changed" });
    await rig.provider.verifyImage(role.digest);
    expect(await look(role.digest)).toEqual({
      state: "changed",
      reason: `the layer ${base.digest.slice(0, 12)} below it is missing`,
    });
    expect(await rig.provider.verifyImage(custom.digest)).toEqual({
      state: "damaged",
      reason: `the layer ${base.digest.slice(0, 12)} below it is missing`,
    });
  });

  test("are meant by name, address or the beginning of a digest; a name of two says so", async () => {
    const { rig, registry, base, role } = await chain();
    expect((await registry.show("noble-docker")).digest).toBe(role.digest);
    expect((await registry.show("role.docker")).digest).toBe(role.digest);
    expect((await registry.show(role.digest.slice(0, 8))).digest).toBe(role.digest);
    expect((await registry.show(`sha256:${role.digest}`)).digest).toBe(role.digest);
    const [unknown] = await diagnosticsOf(registry.show("noble-dokcer"));
    expect(unknown).toMatchObject({ code: "image/unknown-name", hint: 'Did you mean "noble-docker"?' });
    const second = await putImage(rig, "other", base, { name: "noble-docker" });
    const [several] = await diagnosticsOf(registry.show("noble-docker"));
    expect(several).toMatchObject({
      code: "image/ambiguous-name",
      summary: '"noble-docker" means 2 images',
    });
    for (const { digest } of [role, second]) expect(several?.detail).toContain(digest.slice(0, 12));
  });
});

describe("the same image", () => {
  test("that two bring in the same moment is there once, for both", async () => {
    const folder = await temporaryFolder();
    const other = imageRig(folder);
    let both = false;
    const rig = imageRig(folder, (effects) => ({
      ...effects,
      files: {
        ...effects.files,
        rename: async (from, to) => {
          if (!both && to.startsWith(other.home.images)) {
            both = true;
            await putImage(other, "noble");
          }
          await effects.files.rename(from, to);
        },
      },
    }));
    const record = await putImage(rig, "noble");
    expect(await observeImage(rig.effects, rig.home, record.digest)).toMatchObject({ state: "present" });
    expect(readdirSync(rig.home.images)).toEqual([record.digest]);
  });
});

describe("pruning", () => {
  test("frees what nobody has needed for long, children before parents, and never what is needed", async () => {
    const { rig, registry, base, role, custom } = await chain();
    const spare = await putImage(rig, "spare", base);
    const lab = join(rig.folder, "demo");
    await putLab(rig, "demo", lab, [role.digest]);
    const now = Date.now();
    const keep = { keepMs: 14 * DAY };
    // Counting begins when an apply first sees that nobody needs it.
    expect((await pruneOrphans(rig.effects, rig.home, { now, ...keep })).removed).toEqual([]);
    expect((await registry.planPrune({ now: now + 13 * DAY, ...keep })).removed).toEqual([]);
    const later = now + 15 * DAY;
    const planned = await registry.planPrune({ now: later, ...keep });
    expect(planned.removed.map(({ name }) => name).sort()).toEqual(["spare", "web"]);
    expect(planned.kept.map(({ name, why }) => `${name} ${why}`)).toEqual([
      "noble-docker used",
      "noble used",
    ]);

    // As `du` counts: what files and folders take on the disk.
    const sizeOf = () =>
      readdirSync(rig.home.images, { recursive: true, encoding: "utf8" })
        .map((name) => statSync(join(rig.home.images, name)).blocks * 512)
        .reduce((sum, size) => sum + size, 0);
    const before = sizeOf();
    const pruned = await pruneOrphans(rig.effects, rig.home, { now: later, ...keep });
    expect(pruned).toEqual({ ...planned, blocked: [] });
    const left = readdirSync(rig.home.images).filter((name) => !name.startsWith("."));
    expect(left.sort()).toEqual([base.digest, role.digest].sort());
    // Each folder takes a block beside what is in it.
    expect(before - sizeOf() - pruned.freed).toBeLessThanOrEqual(2 * 4096);
    expect([custom, spare].map(({ size }) => size <= pruned.freed)).toEqual([true, true]);

    rmSync(join(rig.home.labs), { recursive: true });
    const all = await registry.prune({ now: later, keepMs: 0 });
    expect(all.removed.map(({ name }) => name)).toEqual(["noble-docker", "noble"]);
    expect(await registry.list()).toEqual([]);
  });

  test("keeps what no recipe could make again, however long nobody has needed it, until --all", async () => {
    const { rig, registry, base } = await chain();
    const golden = await putImage(rig, "golden", base, { kind: "export" });
    const options = (days: number) => ({ now: Date.now() + days * DAY, keepMs: 14 * DAY });
    await pruneOrphans(rig.effects, rig.home, options(0));
    const { removed, kept } = await pruneOrphans(rig.effects, rig.home, options(100));
    expect(removed.map(({ name }) => name)).toEqual(["web", "noble-docker"]);
    expect(kept.map(({ name }) => name)).toEqual(["golden", "noble"]);
    expect(kept[0]?.why).toBe("brought");
    expect((await observeImage(rig.effects, rig.home, golden.digest)).state).toBe("present");
    await registry.prune({ now: Date.now(), keepMs: 0 });
    expect(await registry.list()).toEqual([]);
  });

  test("counts from when it was last needed, not from when it was made", async () => {
    const { rig, registry, custom } = await chain();
    const folder = join(rig.folder, "demo");
    const now = Date.now();
    const options = (days: number) => ({ now: now + days * DAY, keepMs: 14 * DAY });
    await pruneOrphans(rig.effects, rig.home, options(0));
    await putLab(rig, "demo", folder, [custom.digest]);
    await pruneOrphans(rig.effects, rig.home, options(10));
    await putLab(rig, "demo", folder, []);
    expect((await pruneOrphans(rig.effects, rig.home, options(20))).removed).toEqual([]);
    expect((await pruneOrphans(rig.effects, rig.home, options(30))).removed).toEqual([]);
    expect((await registry.planPrune(options(35))).removed).toHaveLength(3);
  });

  test("keeps what VMs stand on, in the trash, half made, or with a damaged record", async () => {
    const { rig, registry, base, role, custom } = await chain();
    const other = await putImage(rig, "other", base);
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: role.digest, where: "trash" });
    const half = putVm(rig, { id: "111111111111", name: "half", lab: "demo", on: custom.digest });
    rmSync(join(half, "vm.json"));
    const hurt = putVm(rig, { id: "222222222222", name: "hurt", lab: "demo", on: other.digest });
    writeFileSync(join(hurt, "vm.json"), "{");
    expect((await registry.planPrune({ now: Date.now(), keepMs: 0 })).removed).toEqual([]);
    rmSync(half, { recursive: true });
    const gone = await registry.prune({ now: Date.now(), keepMs: 0 });
    expect(gone.removed.map(({ name }) => name)).toEqual(["web"]);

    chmodSync(join(hurt, "disk-0.qcow2"), 0o600);
    writeFileSync(join(hurt, "disk-0.qcow2"), "no disk");
    await putImage(rig, "spare", base);
    const [blocked] = await diagnosticsOf(registry.prune({ now: Date.now(), keepMs: 0 }));
    expect(blocked).toMatchObject({ code: "image/unknown-layers", severity: "error" });
    expect(existsSync(imageFolder(rig.home, other.digest))).toBe(true);
  });

  test("removes nothing while a lab's record cannot be read; after an apply it says so and fails nothing", async () => {
    const { rig, registry } = await chain();
    mkdirSync(rig.home.labs, { recursive: true });
    writeFileSync(join(rig.home.labs, "aa.json"), "{");
    const [why] = await diagnosticsOf(registry.prune({ now: Date.now(), keepMs: 0 }));
    expect(why).toMatchObject({ code: "host/damaged-ledger", severity: "error" });
    expect(why?.detail).toContain("nothing was removed");
    const quiet = await pruneOrphans(rig.effects, rig.home, { now: Date.now(), keepMs: 0 });
    expect([quiet.removed, quiet.blocked.map(({ code }) => code)]).toEqual([[], ["host/damaged-ledger"]]);
    expect(await registry.list()).toHaveLength(3);
  });

  test("keeps what a living build uses, and what came while a lab is being changed", async () => {
    const { rig, registry, role, custom } = await chain();
    const everything = { now: Date.now(), keepMs: 0 };
    await withWorkplace(
      rig.effects,
      rig.home,
      async () => {
        expect((await registry.prune(everything)).removed.map(({ name }) => name)).toEqual(["web"]);
        const [refused] = await diagnosticsOf(registry.remove([role.digest]));
        expect(refused).toMatchObject({ code: "image/in-use" });
        expect(refused?.detail).toContain(`process ${process.pid}`);
      },
      undefined,
      [role.digest],
    );
    expect(existsSync(imageFolder(rig.home, custom.digest))).toBe(false);

    const lab = join(rig.folder, "demo");
    await putLab(rig, "demo", lab, []);
    mkdirSync(join(lab, ".vmlab"));
    const lock = await acquireLock(rig.effects, join(lab, ".vmlab", "lock"), {
      ...{ command: "apply", timeoutMs: 0, what: "the state", unlock: "" },
    });
    const fresh = await putImage(rig, "fresh", role);
    expect((await registry.prune(everything)).removed).toEqual([]);
    expect((await registry.show("fresh")).users).toEqual([{ kind: "run", lab: "demo", command: "apply" }]);
    await lock.release();
    expect((await registry.prune(everything)).removed.map(({ id }) => id)[0]).toBe(fresh.digest);
  });

  test("waits for a lab that is writing down what it uses", async () => {
    const { rig, registry, custom } = await chain();
    const order: string[] = [];
    let pruning: Promise<unknown> | undefined;
    await withHostLock(rig.effects, rig.home, "labs", async () => {
      pruning = registry.prune({ now: Date.now(), keepMs: 0 }).then(({ removed }) => {
        order.push(`pruned ${removed.length}`);
      });
      // The first look of the pruning, before it takes the lock, finds nobody.
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await putLab(rig, "demo", join(rig.folder, "demo"), [custom.digest]);
      order.push("leased");
    });
    await pruning;
    expect(order).toEqual(["leased", "pruned 0"]);
    expect(await registry.list()).toHaveLength(3);
  });

  test("frees broken-off downloads, refused files and damaged images, but no download under way", async () => {
    const { rig, registry, base } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [base.digest]);
    const file = (path: string) => {
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, Buffer.alloc(8192, 1));
      return path;
    };
    const part = file(join(rig.home.downloads, `${"a".repeat(32)}.part`));
    file(join(rig.home.downloads, `${"a".repeat(32)}.json`));
    const running = file(join(rig.home.downloads, `${"b".repeat(32)}.part`));
    const refused = file(join(rig.home.downloads, "rejected", "0a1b2c-disk.img"));
    file(join(rig.home.images, `.damaged-${"c".repeat(64)}-abcdef`, "disk.qcow2"));
    file(join(rig.home.images, ".tmp-0123456789ab", "disk.qcow2"));
    await withHostLock(rig.effects, rig.home, `image-download-${"b".repeat(32)}`, async () => {
      const pruned = await registry.prune({ now: Date.now() + DAY, keepMs: 0 });
      expect(pruned.removed.map(({ what }) => what)).toEqual([
        "image",
        "image",
        "download",
        "rejected file",
        "damaged image",
        "unfinished image",
      ]);
    });
    expect([part, refused].map(existsSync)).toEqual([false, false]);
    expect(existsSync(running)).toBe(true);
    expect(readdirSync(rig.home.images).filter((name) => /tmp-|damaged/.test(name))).toEqual([]);
  });
});

describe("pruning that breaks off", () => {
  test("at any durable effect leaves images whole or gone, and the next one finishes", async () => {
    const made = async () => {
      const rig = imageRig(await temporaryFolder());
      const base = await putImage(rig, "noble");
      await putImage(rig, "spare", base);
      return rig;
    };
    const everything = { now: Date.now(), keepMs: 0 };
    const traced = await made();
    const { effects, calls } = memoryTrace(traced.effects);
    await imageRegistry({ effects, home: traced.home }).prune(everything);
    for (let number = 1; number <= calls.length; number += 4) {
      const rig = await made();
      const broken = failFrom(rig.effects, number, systemError("EIO"));
      const left = await imageRegistry({ effects: broken, home: rig.home })
        .prune(everything)
        .then(
          () => [],
          () => imageRegistry(rig).list(),
        );
      for (const { condition } of left) expect([number, condition]).toEqual([number, { state: "present" }]);
      // The lock and the workplace belong to a process that lives on here: as after its end, they are cleared away.
      rmSync(join(rig.home.root, "locks"), { recursive: true, force: true });
      for (const name of readdirSync(rig.home.images))
        if (name.endsWith(".owner.json")) rmSync(join(rig.home.images, name));
      await imageRegistry(rig).prune(everything);
      expect([number, readdirSync(rig.home.images).filter((name) => name !== ".unused.json")]).toEqual([
        number,
        [],
      ]);
    }
  });
});

describe("removing by name", () => {
  test("is refused while in use, naming the users; an image goes together with what stands on it", async () => {
    const { rig, registry, role, custom } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [custom.digest]);
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: custom.digest, where: "trash" });
    const [used] = await diagnosticsOf(registry.planRemoval([custom.digest]));
    expect(used).toMatchObject({
      code: "image/in-use",
      summary: `web (${custom.digest.slice(0, 12)}) is in use`,
      detail: `  lab demo in ${join(rig.folder, "demo")}\n  VM db of lab demo, in the trash`,
    });
    rmSync(rig.home.labs, { recursive: true });
    rmSync(rig.home.trash, { recursive: true });
    const [below] = await diagnosticsOf(registry.remove([role.digest]));
    expect(below?.detail).toBe(`  image web (${custom.digest.slice(0, 12)}) stands on it`);
    const removed = await registry.remove([role.digest, custom.digest]);
    expect(removed.images.map(({ name }) => name)).toEqual(["web", "noble-docker"]);
    expect((await registry.list()).map(({ name }) => name)).toEqual(["noble"]);
  });
});

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

describe("notes of a plan", () => {
  test("tell of images that nobody needs, and of this lab's that are old", async () => {
    const { rig, base, role } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [role.digest]);
    const now = Date.now();
    const images = new Map([
      ["image.noble", base.digest],
      ["role.docker", role.digest],
    ]);
    const notes = (days: number) => storeNotes(rig.effects, rig.home, { now: now + days * DAY, images });
    await pruneOrphans(rig.effects, rig.home, { now, keepMs: 14 * DAY });
    expect(await notes(1)).toEqual([]);
    expect(await notes(100)).toEqual([
      "image.noble was got 100 days ago; `vmlab apply --upgrade image.noble` brings in what is new since then",
      "role.docker was built 100 days ago; `vmlab apply --upgrade role.docker` brings in what is new since then",
      expect.stringMatching(
        /^1 image \(\d+ KiB\) in the store is needed by nobody for 14d or more; the next apply removes them/,
      ),
    ]);
  });
});
