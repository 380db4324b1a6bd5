import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import type { VmProvider } from "../../../providers/provider.ts";
import { machinesOfLab, qemuProvider } from "../../../providers/qemu/index.ts";
import { uuidOf, type VmFolder, vmFolder } from "../../../providers/qemu/vm-folder.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const ID = "0123456789ab";
const PID = 4_000_001;
const LINEAGE = "1".repeat(16);
const call = { signal: new AbortController().signal, progress: () => undefined, output: () => undefined };
const trash = {
  name: "web",
  lab: "demo",
  lineage: LINEAGE,
  deletedAt: 1,
  reason: "deleted",
  record: { address: "vm.web" },
};

const folders = temporaryFolders();
let home: Home;
let folder: VmFolder;
let provider: VmProvider;
/** The pretend process table: command line by pid. */
let running: Map<number, readonly string[]>;
let signals: string[];
let effects: Effects;

beforeEach(async () => {
  home = homeFrom({ VMLAB_HOME: await folders() });
  folder = vmFolder(home, ID);
  running = new Map();
  signals = [];
  effects = pretendProcesses();
  provider = qemuProvider({ effects, home, imageDisk: () => "" });
  await mkdir(folder.root, { recursive: true });
  await writeFile(join(folder.root, "disk-0.qcow2"), "data");
});

/** Nothing listens on the monitor's socket, and time passes at once. */
function pretendProcesses(): Effects {
  const real = nodeEffects();
  let now = 0;
  return {
    ...real,
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    },
    processes: {
      ...real.processes,
      identify: async (pid) => {
        const commandLine = running.get(pid);
        return commandLine === undefined ? undefined : { pid, startTime: "7", commandLine };
      },
      signal: async (pid, signal) => {
        signals.push(`${signal} ${pid}`);
        return running.delete(pid);
      },
    },
  };
}

async function run(): Promise<void> {
  running.set(PID, ["qemu-system-x86_64", "-uuid", uuidOf(ID)]);
  await writeFile(folder.pidFile, `${PID}\n`);
}

async function codeOf(action: Promise<unknown>): Promise<string | undefined> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isDiagnosticsError(error) ? error.diagnostics[0]?.code : undefined;
}

const observe = async () => (await provider.read([ID])).get(ID);

describe.each([
  ["a damaged vm.json", async () => writeFile(folder.record, "{")],
  [
    "a damaged vm.json and runtime.json",
    async () => {
      await writeFile(folder.record, "");
      await writeFile(folder.runtime, "[]");
    },
  ],
  ["no vm.json, and a start that is on record", async () => writeFile(folder.runtime, "{}")],
])("a machine with %s", (_what, damage) => {
  beforeEach(damage);

  test("is seen while it runs, is not removed then, and can be stopped", async () => {
    await run();
    expect(await observe()).toEqual({ state: "running", paused: false, attributes: {}, forwards: [] });
    expect(await codeOf(provider.remove(ID, { trash }))).toBe("qemu/still-running");
    await provider.stop(ID, { timeoutMs: 0, force: true }, call);
    expect(signals).toEqual([`SIGKILL ${PID}`]);
    expect(await observe()).toMatchObject({ state: "broken" });
  });

  test("is not confused with another process that has its pid by now", async () => {
    await run();
    running.set(PID, ["sleep", "1000"]);
    expect(await observe()).toMatchObject({ state: "broken" });
    await provider.stop(ID, { timeoutMs: 0, force: true }, call);
    expect(signals).toEqual([]);
  });

  test("goes to the trash with its disk, and leaves it when the trash is emptied", async () => {
    await provider.remove(ID, { trash });
    expect(await provider.trash()).toMatchObject([{ id: ID, name: "web", reason: "deleted" }]);
    expect(await readdir(join(home.trash, ID))).toContain("disk-0.qcow2");
    expect(await readdir(home.vms)).toEqual([]);
    // The lab's key stays as long as one of its machines can come back.
    const key = join(home.keys, LINEAGE);
    await mkdir(key, { recursive: true });
    await provider.forgetLab({ name: "demo", lineage: LINEAGE, folder: "/lab" });
    expect(await readdir(home.keys)).toEqual([LINEAGE]);
    await provider.emptyTrash(ID);
    expect(await readdir(home.trash)).toEqual([]);
    expect(await readdir(home.keys)).toEqual([]);
  });
});

test("a machine whose making did not finish is removed for good", async () => {
  expect(await observe()).toEqual({ state: "incomplete" });
  await provider.remove(ID, { trash });
  expect(await provider.trash()).toEqual([]);
  expect(await readdir(home.vms)).toEqual([]);
});

test("the machines of a lab are those whose record names its lineage", async () => {
  const record = { version: 1, id: ID, name: "web", lab: { name: "demo", lineage: LINEAGE } };
  await writeFile(folder.record, JSON.stringify(record));
  await mkdir(join(home.vms, "ffffffffffff"));
  await writeFile(join(home.vms, "ffffffffffff", "vm.json"), "{");
  await writeFile(join(home.vms, "note"), "");
  await run();
  const context = { effects, home, imageDisk: () => "" };
  expect(await machinesOfLab(context, LINEAGE)).toEqual([
    { id: ID, name: "web", running: true, folder: folder.root },
  ]);
  expect(await machinesOfLab(context, "2".repeat(16))).toEqual([]);
});
