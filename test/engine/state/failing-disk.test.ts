/** The store in files when the disk refuses, fails, or is asked many things at once. */
import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { State } from "../../../engine/state/types.ts";
import { failAt, failFrom, memoryTrace, systemError } from "../../support/effects.ts";
import { created, fileLab, firstState, now, openStore } from "../../support/file-lab.ts";
import { sampleVm } from "../../support/sample-state.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

// Hundreds of fsyncs, on a disk that may be busy.
jest.setTimeout(60_000);

const temporary = temporaryFolders();
const real = nodeEffects();
const lab = async () => fileLab(await temporary());

describe("a disk that refuses", () => {
  test.each([
    ["ENOSPC", "state/disk-full"],
    ["EDQUOT", "state/disk-full"],
    ["EROFS", "state/not-writable"],
    ["EACCES", "state/not-writable"],
  ])("with %s is told as %s by append, checkpoint and lock", async (errno, code) => {
    const { folder, state } = await lab();
    const diagnostics = [{ code }];
    // 1: the lock folder, 2: the lock, 3: what is tried.
    for (const n of [1, 2]) {
      const store = openStore(folder, failAt(real, n, systemError(errno)));
      await expect(store.lock("apply", now)).rejects.toMatchObject({ diagnostics });
      expect(await store.lockHolder()).toBeUndefined();
    }
    const locked = await openStore(folder, failAt(real, 3, systemError(errno))).lock("apply", now);
    await expect(locked.append([created("d")])).rejects.toMatchObject({ diagnostics });
    await locked.release();
    const again = await openStore(folder, failAt(real, 3, systemError(errno))).lock("apply", now);
    await expect(again.checkpoint(state)).rejects.toMatchObject({ diagnostics });
    await again.release();
    expect(await openStore(folder).read()).toEqual(state);
  });

  test("half a line that a full disk let through is taken back, and later entries follow cleanly", async () => {
    const { folder, journal, state } = await lab();
    let full = true;
    const files = new Proxy(real.files, {
      get(target, key) {
        if (key !== "append" || !full) return Reflect.get(target, key);
        return async (path: string, data: string) => {
          await target.append(path, data.slice(0, data.length / 2));
          throw systemError("ENOSPC");
        };
      },
    });
    const size = (await stat(journal)).size;
    const locked = await openStore(folder, { ...real, files }).lock("apply", now);
    await expect(locked.append([created("d"), created("e")])).rejects.toMatchObject({
      diagnostics: [{ code: "state/disk-full" }],
    });
    expect((await stat(journal)).size).toBe(size);
    expect(await locked.read()).toEqual(state);
    full = false;
    await locked.append([created("f")]);
    await locked.release();
    expect((await openStore(folder).read())?.journalSequence).toBe(4);
  });

  test("a folder that others own is told as not readable", async () => {
    const files = { ...real.files, read: () => Promise.reject(systemError("EACCES")) };
    await expect(openStore("/labs/demo", { ...real, files }).read()).rejects.toMatchObject({
      diagnostics: [{ code: "state/not-readable" }],
    });
  });
});

test("entries appended while one is being written share one write", async () => {
  const { folder } = await lab();
  const { effects, calls } = memoryTrace(real);
  const locked = await openStore(folder, effects).lock("apply", now);
  await Promise.all(Array.from({ length: 100 }, (_, n) => locked.append([created(`x${n}`)])));
  await locked.release();
  expect(calls.filter((call) => call.method === "files.append").length).toBe(1);

  calls.length = 0;
  const next = await openStore(folder, effects).lock("apply", now);
  const first = next.append([created("y")]);
  // The first is on its way once it has been asked to read the files.
  while (!calls.some((call) => call.method === "files.append")) await new Promise(setImmediate);
  await Promise.all([first, next.append([created("z")]), next.append([created("zz")])]);
  await next.release();
  expect(calls.filter((call) => call.method === "files.append").length).toBe(2);
  expect((await openStore(folder).read())?.journalSequence).toBe(3 + 103);
});

describe("by enumeration of the durable effects of initialise, append, checkpoint, replace and clear", () => {
  const script = async (folder: string, effects: Effects, seen: (state: State | undefined) => void) => {
    const locked = await openStore(folder, effects).lock("apply", now);
    const look = async () => seen(await openStore(folder).read());
    try {
      await locked.initialise(await firstState(folder));
      await look();
      await locked.append([created("a")]);
      await look();
      await locked.append([created("b"), created("c")]);
      await look();
      const second = await locked.checkpoint((await locked.read()) ?? (await firstState(folder)));
      await look();
      await locked.append([{ kind: "resource", address: "vm.a", resource: null }]);
      await look();
      await locked.replace({ ...second, outputs: {} });
      await look();
      await locked.clear();
      await look();
    } finally {
      await locked.release().catch(() => undefined);
    }
  };

  const steps = async (): Promise<{ effects: number; states: (State | undefined)[] }> => {
    const { effects, calls } = memoryTrace(real);
    const states: (State | undefined)[] = [undefined];
    await script(await temporary(), effects, (state) => states.push(state));
    return { effects: calls.length, states };
  };

  test.each([
    ["one fails", failAt],
    ["all fail from one on", failFrom],
  ])("when %s, what is read is a state that was meant to be", async (_, failing) => {
    const whole = await steps();
    expect(whole.effects).toBeGreaterThan(12);
    for (let n = 1; n <= whole.effects; n += 1) {
      const folder = await temporary();
      await script(folder, failing(real, n, systemError("EIO")), () => undefined).catch(() => undefined);
      const place = (state: State | undefined) =>
        state === undefined ? undefined : { ...state, folder: "" };
      const read = place(await openStore(folder).read());
      // Folding the journal in before the files go is a step of clear that nobody sees.
      const meant = whole.states.map(place);
      const last = meant.at(-2);
      if (last !== undefined) meant.push({ ...last, serial: last.serial + 1 });
      expect(meant).toContainEqual(read);
      // And the next command goes on from there.
      await rm(join(folder, ".vmlab", "lock"), { force: true });
      const locked = await openStore(folder).lock("apply", now);
      if (read === undefined) await locked.initialise(await firstState(folder));
      await locked.append([created("next")]);
      await locked.release();
      expect((await openStore(folder).read())?.resources["vm.next"]).toEqual(sampleVm("next"));
    }
  });
});

test("a folder without the right to write is told by the system itself", async () => {
  const folder = await temporary();
  await mkdir(join(folder, ".vmlab"), { mode: 0o500 });
  await chmod(join(folder, ".vmlab"), 0o500);
  const taking = openStore(folder).lock("apply", now);
  // The superuser may write everywhere.
  if (real.host.isRoot) await (await taking).release();
  else await expect(taking).rejects.toMatchObject({ diagnostics: [{ code: "state/not-writable" }] });
});
