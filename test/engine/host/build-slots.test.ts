import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import {
  type BuildDemand,
  type BuildTicket,
  hindrance,
  withBuildSlot,
} from "../../../engine/host/build-slots.ts";
import { writeLab } from "../../../engine/host/labs.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();
const GiB = 1024 ** 3;
const real = nodeEffects();
const effects = {
  ...real,
  host: { ...real.host, cpus: () => 4, memory: async () => ({ total: 9 * GiB, available: 8 * GiB }) },
};

/** Something to wait for. */
function gate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const ticket = (id: string, changes: Partial<BuildTicket> = {}): BuildTicket => ({
  ...{
    id,
    what: `role.${id}`,
    cpus: 2,
    memory: GiB,
    state: "waiting",
    since: Number.parseInt(id, 16),
    pid: 7,
  },
  ...changes,
});

describe("a build in the queue", () => {
  const capacity = { parallel: 2, cpus: 8, memory: 4 * GiB };

  test("goes at once when nothing else is built, however much it takes", () => {
    expect(hindrance(ticket("b", { memory: 99 * GiB, cpus: 99 }), [], capacity)).toBeUndefined();
  });

  test("goes beside another while number, memory and CPUs allow", () => {
    const other = ticket("a", { state: "building", memory: 2 * GiB, cpus: 4 });
    const go = (own: Partial<BuildTicket>) =>
      hindrance(ticket("b", own), [other, ticket("b", own)], capacity);
    expect(go({ memory: 2 * GiB, cpus: 4 })).toBeUndefined();
    expect(go({ memory: 3 * GiB })).toBe("waiting for memory, which role.a (pid 7) uses");
    expect(go({ cpus: 5 })).toBe("waiting for CPUs, which role.a (pid 7) uses");
  });

  test("says for whom it waits", () => {
    const others = [ticket("a", { state: "building" }), ticket("b", { state: "building", pid: 8 })];
    expect(hindrance(ticket("c"), others, capacity)).toBe("waiting for role.a (pid 7), role.b (pid 8)");
  });

  test("lets nobody pass who came later, and passes nobody who came earlier", () => {
    const waiting = [ticket("a", { state: "building" }), ticket("b", { memory: 9 * GiB }), ticket("c")];
    expect(hindrance(ticket("c"), waiting, capacity)).toBe("waiting for role.a (pid 7), role.b (pid 7)");
    expect(hindrance(ticket("b"), waiting, capacity)).toBeUndefined();
  });
});

describe("the host's builds", () => {
  const demand = (id: string): BuildDemand => ({ id, what: `role.${id}`, cpus: 1, memory: GiB });
  const options = (told: string[] = []) => ({
    signal: new AbortController().signal,
    progress: (phase: string) => void told.push(phase),
  });

  test("run one after the other where the host allows one, in the order in which they came", async () => {
    const home = homeFrom({ VMLAB_HOME: await temporary() });
    await writeFile(home.configFile, "[builds]\nparallel = 1\n");
    const order: string[] = [];
    const told: string[] = [];
    const begun = gate();
    const release = gate();
    const first = withBuildSlot(effects, home, demand("a"), options(), async () => {
      begun.resolve();
      await release.promise;
      order.push("a");
    });
    await begun.promise;
    const waits = gate();
    const second = withBuildSlot(
      effects,
      home,
      demand("b"),
      {
        ...options(),
        progress: (phase) => {
          told.push(phase);
          waits.resolve();
        },
      },
      async () => void order.push("b"),
    );
    await waits.promise;
    release.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(["a", "b"]);
    expect(told).toEqual([`waiting for role.a (pid ${process.pid})`]);
    expect(await effects.files.list(join(home.root, "builds"))).toEqual([]);
  });

  test("wait while running VMs have the memory, and go when they alone are left", async () => {
    const home = homeFrom({ VMLAB_HOME: await temporary() });
    await writeLab(effects, home, {
      ...{ version: 1, lineage: "ab", name: "demo", folder: "/lab", host: "h", leases: [] },
      bootId: await effects.host.bootId(),
      reservations: { web: { cpus: 1, memory: 7 * GiB, disk: 0, running: true } },
    });
    const told: string[] = [];
    await withBuildSlot(effects, home, demand("a"), options(), async () => {
      const abort = new AbortController();
      const stop = new Error("seen enough");
      const waiting = withBuildSlot(
        effects,
        home,
        demand("b"),
        {
          signal: abort.signal,
          progress: (phase) => {
            told.push(phase);
            abort.abort(stop);
          },
        },
        async () => undefined,
      );
      await expect(waiting).rejects.toBe(stop);
    });
    expect(told).toEqual([`waiting for memory, which role.a (pid ${process.pid}) uses`]);
    await withBuildSlot(effects, home, demand("b"), options(), async () => undefined);
  });

  test("do not count what a dead process or an accident left", async () => {
    const home = homeFrom({ VMLAB_HOME: await temporary() });
    const dead = {
      ...real,
      // A process that ended: another one may have its number by now.
      processes: {
        ...real.processes,
        identify: async (pid: number) => ({ pid, startTime: "0", commandLine: [] }),
      },
    };
    const folder = join(home.root, "builds");
    let left = "";
    await withBuildSlot(dead, home, demand("a"), options(), async () => {
      left = await effects.files.readText(join(folder, "a.json"));
    });
    await writeFile(join(folder, "a.json"), left);
    await writeFile(join(folder, "b.json"), "{}");
    await withBuildSlot(effects, home, demand("c"), options(), async () => {
      expect(await effects.files.list(folder)).toEqual(["c.json"]);
    });
  });

  test("give the place back when the build fails", async () => {
    const home = homeFrom({ VMLAB_HOME: await temporary() });
    const failure = new Error("no");
    await expect(
      withBuildSlot(effects, home, demand("a"), options(), () => Promise.reject(failure)),
    ).rejects.toBe(failure);
    expect(await effects.files.list(join(home.root, "builds"))).toEqual([]);
  });
});
