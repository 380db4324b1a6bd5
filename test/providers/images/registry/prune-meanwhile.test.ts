/** Pruning while builds and applies are under way, and pruning that ends half-way. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { withHostLock } from "../../../../engine/host/host-lock.ts";
import { acquireLock } from "../../../../engine/state/lock.ts";
import { imageRegistry } from "../../../../providers/images/registry/index.ts";
import { imageFolder } from "../../../../providers/images/store.ts";
import { withWorkplace } from "../../../../providers/images/workplace.ts";
import { failFrom, memoryTrace, systemError } from "../../../support/effects.ts";
import { putImage, putLab } from "../../../support/image-chain.ts";
import { diagnosticsOf, imageRig } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);

describe("pruning", () => {
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
