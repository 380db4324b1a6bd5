/** What pruning frees, and what it keeps. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { withHostLock } from "../../../../engine/host/host-lock.ts";
import { pruneOrphans } from "../../../../providers/images/registry/index.ts";
import { imageFolder, observeImage } from "../../../../providers/images/store.ts";
import { putImage, putLab, putVm } from "../../../support/image-chain.ts";
import { diagnosticsOf } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const DAY = 86_400_000;

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
