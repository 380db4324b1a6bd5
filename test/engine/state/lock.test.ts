/** The lock between real processes. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, jest, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { FileStore } from "../../../engine/state/file-store.ts";
import { isHolderAlive } from "../../../engine/state/lock-holder.ts";
import { decodeLock } from "../../../engine/state/lock-record.ts";
import type { LockHolder } from "../../../engine/state/types.ts";
import { bundleChild } from "../../support/bundle-child.ts";
import { systemError } from "../../support/effects.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

// Each of these starts several processes, one after the other, on a machine that may be busy.
jest.setTimeout(120_000);

const temporary = temporaryFolders();
const effects = nodeEffects();
const { processes } = effects;
const now = { timeoutMs: 0 };
let bundle: (folder: string) => Promise<string>;

beforeAll(() => {
  let made: Promise<Buffer> | undefined;
  bundle = async (folder) => {
    made ??= bundleChild("take-lock", folder).then((path) => readFile(path));
    await writeFile(join(folder, "take-lock.mjs"), await made);
    return join(folder, "take-lock.mjs");
  };
});

async function place(): Promise<{ folder: string; child: string; store: FileStore }> {
  const root = await temporary();
  const folder = join(root, ".vmlab");
  await mkdir(folder, { mode: 0o700 });
  return { folder, child: await bundle(root), store: new FileStore({ effects, folder, tool: "0.1.0" }) };
}

/** A lock left by a process that is dead by now. */
async function leaveDeadLock(folder: string, child: string): Promise<LockHolder> {
  const controller = new AbortController();
  let holder: LockHolder | undefined;
  const running = processes.run(process.execPath, [child, folder, "hold"], {
    ownGroup: true,
    onLine: () => {
      void readFile(join(folder, "lock"), "utf8").then(async (text) => {
        holder = decodeLock(text)?.holder;
        if (holder !== undefined) await processes.signal(holder.pid, "SIGKILL");
      });
    },
    signal: controller.signal,
    timeoutMs: 60_000,
  });
  expect(await running).toMatchObject({ signal: "SIGKILL", timedOut: false });
  if (holder === undefined) throw new Error("no holder");
  return holder;
}

test("a lock whose process was killed is taken over, and nothing is left behind", async () => {
  const { folder, child, store } = await place();
  const dead = await leaveDeadLock(folder, child);
  expect(await store.lockHolder()).toEqual({ holder: dead, alive: false });
  const locked = await store.lock("apply", now);
  expect((await store.lockHolder())?.holder.pid).toBe(process.pid);
  expect(await readdir(folder)).toEqual(["lock"]);
  await locked.release();
  expect(await readdir(folder)).toEqual([]);
});

test("of many that find the same dead holder exactly one gets the lock", async () => {
  const { folder, child, store } = await place();
  for (let round = 0; round < 3; round += 1) {
    await leaveDeadLock(folder, child);
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => store.lock("apply", now)));
    const won = results.filter((result) => result.status === "fulfilled");
    expect(won.length).toBe(1);
    for (const result of won) await result.value.release();
    expect(await readdir(folder)).toEqual([]);
  }
});

test("processes that race for the lock never hold it together", async () => {
  const { folder, child } = await place();
  await leaveDeadLock(folder, child);
  const counter = join(folder, "..", "counter");
  await writeFile(counter, "0");
  const results = await Promise.all(
    [1, 2, 3].map(() => processes.run(process.execPath, [child, folder, "count", "15", counter])),
  );
  expect(results.map((result) => [result.code, result.stderr])).toEqual(Array(3).fill([0, ""]));
  expect(await readFile(counter, "utf8")).toBe("45");
});

test("a crash after any durable effect of taking over leaves a lock that can be taken", async () => {
  const { folder, child, store } = await place();
  let crashes = 0;
  for (let n = 1; ; n += 1) {
    await leaveDeadLock(folder, child);
    const result = await processes.run(process.execPath, [child, folder, "crash", String(n)]);
    if (result.signal === undefined) {
      expect(result).toMatchObject({ code: 0, stderr: "" });
      break;
    }
    crashes += 1;
    const locked = await store.lock("apply", now);
    await locked.release();
    expect(await readdir(folder)).toEqual([]);
  }
  expect(crashes).toBeGreaterThanOrEqual(5);
});

test("a holder is dead only when that can be proved", async () => {
  const self = await processes.identify(process.pid);
  const holder: LockHolder = {
    pid: process.pid,
    startTime: self?.startTime ?? "",
    bootId: await effects.host.bootId(),
    host: await effects.host.hostId(),
    hostName: "box",
    user: "anna",
    command: "apply",
    since: 0,
  };
  const hidden = { ...processes, identify: () => Promise.reject(systemError("EPERM")) };
  expect(await isHolderAlive(effects, holder)).toBe(true);
  expect(await isHolderAlive(effects, { ...holder, startTime: "1" })).toBe(false);
  expect(await isHolderAlive(effects, { ...holder, bootId: "earlier" })).toBe(false);
  expect(await isHolderAlive(effects, { ...holder, pid: 2 ** 22 + 1 })).toBe(false);
  expect(await isHolderAlive(effects, { ...holder, host: "another", bootId: "x" })).toBeUndefined();
  expect(await isHolderAlive({ ...effects, processes: hidden }, holder)).toBe(true);
});

test("a lock of another host is never taken over", async () => {
  const { store } = await place();
  const elsewhere = {
    ...effects,
    host: { ...effects.host, hostId: async () => "another", hostName: () => "box2" },
  };
  const folder = join(await temporary(), ".vmlab");
  await new FileStore({ effects: elsewhere, folder, tool: "0.1.0" }).lock("apply", now);
  const here = new FileStore({ effects, folder, tool: "0.1.0" });
  expect((await here.lockHolder())?.alive).toBeUndefined();
  await expect(here.lock("apply", now)).rejects.toMatchObject({
    diagnostics: [
      {
        code: "state/locked",
        summary: expect.stringContaining("on box2)"),
        hint: expect.stringContaining("`vmlab state unlock`"),
      },
    ],
  });
  await (await store.lock("apply", now)).release();
});

test("a lock file that cannot be read is refused, and unlock removes it", async () => {
  const { folder, store } = await place();
  await writeFile(join(folder, "lock"), "{");
  await expect(store.lock("apply", now)).rejects.toMatchObject({
    diagnostics: [
      {
        code: "state/locked",
        summary: "The state of this lab is locked by a lock file that cannot be read",
        hint: "When no other vmlab is at work here, remove it with `vmlab state unlock`.",
      },
    ],
  });
  await store.breakLock();
  await (await store.lock("apply", now)).release();
});
