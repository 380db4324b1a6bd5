import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { readHostConfig } from "../../../engine/host/host-config.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { type LedgerLab, readLab, readLedger, removeLab, writeLab } from "../../../engine/host/labs.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();
const real = nodeEffects();
const GiB = 1024 ** 3;
const effects = {
  ...real,
  host: { ...real.host, cpus: () => 6, memory: async () => ({ total: 16 * GiB, available: 12 * GiB }) },
};
const openHome = async () => homeFrom({ VMLAB_HOME: await temporary() });

describe("config.toml of the host", () => {
  test("is not needed: the defaults come from the host", async () => {
    expect(await readHostConfig(effects, await openHome())).toEqual({
      limits: {
        cpus: 24,
        memory: 15 * GiB,
        memoryTotal: 16 * GiB,
        memoryReserve: GiB,
        diskReserve: 2 * GiB,
        parallelStarts: 3,
      },
      builds: { parallel: 3 },
      store: { keepMs: 14 * 24 * 3_600_000, maxAgeMs: 90 * 24 * 3_600_000 },
      trash: { keepMs: 7 * 24 * 3_600_000 },
    });
  });

  test("sets limits, and the reserve stays free whatever memory says", async () => {
    const home = await openHome();
    await writeFile(
      home.configFile,
      `[limits]\ncpus = 8\nmemory = "15.5GiB"\nmemory_reserve = "4GiB"\ndisk = "200GiB"\ndisk_reserve = 1024\nvms = 5\nparallel_starts = 1\n[builds]\nparallel = 2\n[store]\nkeep = "1h"\nmax_age = "30d"\n[trash]\nkeep = "12h"\n`,
    );
    expect(await readHostConfig(effects, home)).toEqual({
      limits: {
        cpus: 8,
        memory: 12 * GiB,
        memoryTotal: 16 * GiB,
        memoryReserve: 4 * GiB,
        disk: 200 * GiB,
        diskReserve: 1024,
        vms: 5,
        parallelStarts: 1,
      },
      builds: { parallel: 2 },
      store: { keepMs: 3_600_000, maxAgeMs: 30 * 24 * 3_600_000 },
      trash: { keepMs: 12 * 3_600_000 },
    });
  });

  test("tells every mistake with its place", async () => {
    const home = await openHome();
    await writeFile(
      home.configFile,
      `[limits]\ncpu = 8\nmemory = "lots"\nvms = 0\ndisk = true\n[trash]\nkeep = "7w"\n`,
    );
    const failure = await readHostConfig(effects, home).then(
      () => undefined,
      (error) => error.diagnostics,
    );
    const lines = failure.map((found: { range: { start: { line: number } } }) => found.range.start.line);
    expect(lines.sort()).toEqual([2, 3, 4, 5, 7]);
    expect(failure.map((found: { summary: string }) => found.summary).sort()).toEqual([
      'config.toml has no setting "limits.cpu"',
      "limits.disk cannot be true",
      'limits.memory cannot be "lots"',
      "limits.vms cannot be 0",
      'trash.keep cannot be "7w"',
    ]);
    expect(failure.find((found: { code: string }) => found.code === "config/unknown-key").hint).toBe(
      'Did you mean "cpus"?',
    );
  });
});

describe("the ledger of labs", () => {
  const lab: LedgerLab = {
    version: 1,
    lineage: "00aa",
    name: "demo",
    folder: "/labs/demo",
    host: "h",
    leases: ["sha256:1"],
    reservations: { web: { cpus: 1, memory: GiB, disk: GiB, running: true } },
  };

  test("holds what was written, until it is removed", async () => {
    const home = await openHome();
    expect(await readLedger(effects, home)).toEqual({ labs: [], diagnostics: [] });
    await writeLab(effects, home, lab);
    await writeLab(effects, home, { ...lab, lineage: "00ab", name: "other" });
    const last = { ...lab, leases: [], volumes: { data: GiB } };
    await writeLab(effects, home, last);
    expect(await readLab(effects, home, "00aa")).toEqual(last);
    expect((await readLedger(effects, home)).labs.map((found) => found.name)).toEqual(["demo", "other"]);
    await removeLab(effects, home, "00aa");
    await removeLab(effects, home, "00aa");
    expect((await readLedger(effects, home)).labs.map((found) => found.name)).toEqual(["other"]);
    expect(await readdir(home.labs)).toEqual(["00ab.json"]);
  });

  test("reports what cannot be read, and reads the rest", async () => {
    const home = await openHome();
    await writeLab(effects, home, lab);
    await mkdir(home.labs, { recursive: true });
    await writeFile(join(home.labs, "bad0.json"), '{"version":1');
    await writeFile(join(home.labs, "bad1.json"), JSON.stringify({ ...lab, leases: "none" }));
    await writeFile(join(home.labs, "bad2.json"), JSON.stringify({ ...lab, volumes: { data: "10GiB" } }));
    await writeFile(join(home.labs, "README"), "not ours");
    const { labs, diagnostics } = await readLedger(effects, home);
    expect(labs).toEqual([lab]);
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
      ["host/damaged-ledger", "warning"],
      ["host/damaged-ledger", "warning"],
      ["host/damaged-ledger", "warning"],
    ]);
  });

  test("takes no lineage that is a path", async () => {
    await expect(removeLab(effects, await openHome(), "../x")).rejects.toThrow("not a lineage");
  });
});

describe("a host lock", () => {
  test("lets one in at a time, and is free after a failure", async () => {
    const home = await openHome();
    const order: string[] = [];
    const enter = (name: string) =>
      withHostLock(effects, home, "labs", async () => {
        order.push(`${name} in`);
        await new Promise(setImmediate);
        order.push(`${name} out`);
      });
    await Promise.all([enter("a"), enter("b")]);
    expect(order.map((step) => step.split(" ")[1])).toEqual(["in", "out", "in", "out"]);
    const failing = withHostLock(effects, home, "labs", async () => Promise.reject(new Error("broken")));
    await expect(failing).rejects.toThrow("broken");
    expect(await readdir(join(home.root, "locks"))).toEqual([]);
  });

  test("says who holds it when the time is over", async () => {
    const home = await openHome();
    await withHostLock(effects, home, "labs", async () => {
      await expect(
        withHostLock(effects, home, "labs", async () => undefined, { timeoutMs: 0 }),
      ).rejects.toMatchObject({ diagnostics: [{ code: "host/locked" }] });
    });
  });
});
