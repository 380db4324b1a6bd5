/** What every state store promises; the same cases run over all of them. */
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { Event } from "../../../engine/events.ts";
import { FileStore } from "../../../engine/state/file-store.ts";
import { MemoryStore } from "../../../engine/state/memory-store.ts";
import type { StateStore } from "../../../engine/state/store.ts";
import type { JournalEntry, State } from "../../../engine/state/types.ts";
import { sampleIntent, sampleState, sampleVm } from "../../support/sample-state.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

// Hundreds of fsyncs, on a disk that may be busy.
jest.setTimeout(60_000);

const temporary = temporaryFolders();
const effects = nodeEffects();

interface Place {
  readonly store: StateStore;
  readonly first: State;
}

const stores: Record<string, () => Promise<Place>> = {
  async FileStore() {
    const folder = await temporary();
    const store = new FileStore({ effects, folder: join(folder, ".vmlab"), tool: "0.1.0" });
    return { store, first: sampleState({ host: await effects.host.hostId(), folder }) };
  },
  async MemoryStore() {
    const store = new MemoryStore({ effects, tool: "0.1.0" });
    return { store, first: sampleState({ host: await effects.host.hostId(), folder: "/labs/demo" }) };
  },
};

const now = { timeoutMs: 0 };
const created = (name: string): JournalEntry => ({
  kind: "resource",
  address: `vm.${name}`,
  resource: sampleVm(name),
});

describe.each(Object.keys(stores))("%s", (name) => {
  const open = async (): Promise<Place> => {
    const make = stores[name];
    if (make === undefined) throw new Error(name);
    return await make();
  };

  test("a lab without a state reads as undefined, without history, unlocked", async () => {
    const { store } = await open();
    expect(await store.read()).toBeUndefined();
    expect(await store.history()).toEqual([]);
    expect(await store.lockHolder()).toBeUndefined();
  });

  test("what was initialised is read, with and without the lock", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise(first);
    expect(await locked.read()).toEqual(first);
    await locked.release();
    expect(await store.read()).toEqual(first);
  });

  test("a second initialise is a mistake", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise(first);
    await expect(locked.initialise(first)).rejects.toThrow();
    await locked.release();
  });

  test("entries change resources, intents and outputs, in the order of the calls", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise(first);
    const db = sampleVm("db");
    await Promise.all([
      locked.append([{ kind: "intent", intent: sampleIntent("1", "vm.web") }]),
      locked.append([
        { kind: "intent", intent: sampleIntent("2", "vm.db") },
        { kind: "intent", intent: sampleIntent("3", "vm.mon") },
      ]),
      locked.append([{ kind: "done", operation: "1", address: "vm.web", resource: sampleVm("web") }]),
    ]);
    await locked.append([
      { kind: "done", operation: "2", address: "vm.db", resource: db },
      { kind: "abandoned", operation: "3" },
      { kind: "resource", address: "vm.web", resource: null },
      { kind: "intent", intent: sampleIntent("4", "vm.db") },
      { kind: "outputs", outputs: { api: { value: "https://x", sensitive: false } } },
    ]);
    await locked.append([]);
    const expected: State = {
      ...first,
      resources: { "vm.db": db },
      intents: { "4": sampleIntent("4", "vm.db") },
      outputs: { api: { value: "https://x", sensitive: false } },
      journalSequence: 9,
    };
    expect(await locked.read()).toEqual(expected);
    await locked.release();
    expect(await store.read()).toEqual(expected);
  });

  test("done without a resource leaves the record, with null removes it", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise({ ...first, resources: { "vm.a": sampleVm("a"), "vm.b": sampleVm("b") } });
    await locked.append([
      { kind: "done", operation: "1", address: "vm.a" },
      { kind: "done", operation: "2", address: "vm.b", resource: null },
    ]);
    expect((await locked.read())?.resources).toEqual({ "vm.a": sampleVm("a") });
    await locked.release();
  });

  test("a checkpoint raises the serial, keeps the old snapshot, and appends go on after it", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise(first);
    await locked.append([created("web")]);
    const state = await locked.read();
    if (state === undefined) throw new Error("no state");
    const next = await locked.checkpoint(state);
    expect(next).toEqual({ ...state, serial: 1, journalSequence: 1 });
    expect(await store.read()).toEqual(next);
    await locked.append([created("db")]);
    await locked.release();
    expect(await store.read()).toEqual({
      ...next,
      resources: { "vm.web": sampleVm("web"), "vm.db": sampleVm("db") },
      journalSequence: 2,
    });
    expect(await store.history()).toMatchObject([{ serial: 0, resources: 0 }]);
    expect(await store.readHistory(0)).toEqual(first);
  });

  test("a restored state gets a serial of its own, and what it replaced stays in the history", async () => {
    const { store, first } = await open();
    const locked = await store.lock("state restore", now);
    await locked.initialise(first);
    await locked.append([created("web")]);
    const second = await locked.checkpoint((await locked.read()) ?? first);
    const restored = await locked.replace(await store.readHistory(0));
    expect(restored).toEqual({ ...first, serial: 2, journalSequence: 1 });
    await locked.release();
    expect(await store.read()).toEqual(restored);
    expect((await store.history()).map((entry) => entry.serial)).toEqual([1, 0]);
    expect(await store.readHistory(1)).toEqual(second);
  });

  test("only the newest 50 states are kept", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise(first);
    let state = first;
    for (let n = 0; n < 53; n += 1) state = await locked.checkpoint(state);
    await locked.release();
    const serials = (await store.history()).map((entry) => entry.serial);
    expect(serials).toEqual(Array.from({ length: 50 }, (_, n) => 52 - n));
    await expect(store.readHistory(2)).rejects.toMatchObject({
      diagnostics: [{ code: "state/no-such-serial", summary: "No state #2 is kept" }],
    });
  });

  test("after clear nothing is left but the history, and serials go on from there", async () => {
    const { store, first } = await open();
    const locked = await store.lock("destroy", now);
    await locked.initialise(first);
    await locked.append([created("web")]);
    await locked.clear();
    expect(await locked.read()).toBeUndefined();
    await locked.clear();
    expect((await store.history()).map((entry) => [entry.serial, entry.resources])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    const again = { ...first, lineage: "ffffffffffffffff" };
    await locked.initialise(again);
    expect(await locked.read()).toEqual({ ...again, serial: 2 });
    await locked.release();
  });

  test("a snapshot of another lineage is a mistake, except when it replaces", async () => {
    const { store, first } = await open();
    const locked = await store.lock("state adopt", now);
    await locked.initialise(first);
    await locked.append([created("web")]);
    const other = { ...first, lineage: "ffffffffffffffff" };
    await expect(locked.checkpoint(other)).rejects.toThrow();
    await locked.replace(other);
    await locked.append([created("db")]);
    await locked.release();
    expect(await store.read()).toMatchObject({
      lineage: "ffffffffffffffff",
      serial: 1,
      resources: { "vm.db": {} },
    });
  });

  test("what a caller does to a state it read changes nothing that is stored", async () => {
    const { store, first } = await open();
    const locked = await store.lock("apply", now);
    await locked.initialise({ ...first, resources: { "vm.web": sampleVm("web") } });
    const read = await locked.read();
    (read?.resources as Record<string, unknown>)["vm.web"] = null;
    expect((await locked.read())?.resources).toEqual({ "vm.web": sampleVm("web") });
    await locked.release();
  });

  test("the lock keeps others out, says who holds it, and is free after release", async () => {
    const { store } = await open();
    const locked = await store.lock("apply", now);
    const found = await store.lockHolder();
    expect(found).toMatchObject({
      alive: true,
      holder: { pid: process.pid, command: "apply", hostName: effects.host.hostName() },
    });
    const { user, hostName } = found?.holder ?? {};
    await expect(store.lock("destroy", now)).rejects.toMatchObject({
      diagnostics: [
        {
          code: "state/locked",
          summary: `The state of this lab is locked by \`vmlab apply\` (pid ${process.pid}, user ${user} on ${hostName})`,
        },
      ],
    });
    await locked.release();
    expect(await store.lockHolder()).toBeUndefined();
    await (await store.lock("destroy", now)).release();
  });

  test("who waits is told once for whom, and gets the lock when it is given back", async () => {
    const { store } = await open();
    const locked = await store.lock("apply", now);
    const events: Event[] = [];
    let release: Promise<void> | undefined;
    const waiting = store.lock("plan", {
      timeoutMs: 60_000,
      events(event) {
        events.push(event);
        release = locked.release();
      },
    });
    await (await waiting).release();
    await release;
    expect(events.map((event) => event.type)).toEqual(["lock-waiting"]);
  });

  test("waiting ends with an abort", async () => {
    const { store } = await open();
    const locked = await store.lock("apply", now);
    const controller = new AbortController();
    const reason = new Error("interrupted");
    const events = (): void => controller.abort(reason);
    await expect(store.lock("plan", { timeoutMs: 60_000, signal: controller.signal, events })).rejects.toBe(
      reason,
    );
    await locked.release();
  });

  test("a broken lock can be taken, and the former holder's release does not free it", async () => {
    const { store } = await open();
    const former = await store.lock("apply", now);
    await store.breakLock();
    const locked = await store.lock("destroy", now);
    await former.release();
    expect((await store.lockHolder())?.holder.command).toBe("destroy");
    await locked.release();
  });

  test("10,000 resources and 10,000 entries go through", async () => {
    const { store, first } = await open();
    const names = Array.from({ length: 10_000 }, (_, n) => `vm-${n}`);
    const locked = await store.lock("apply", now);
    await locked.initialise({
      ...first,
      resources: Object.fromEntries(names.map((vm) => [`vm.${vm}`, sampleVm(vm)])),
    });
    await Promise.all(
      names.map((vm) =>
        locked.append([{ kind: "resource", address: `vm.${vm}`, resource: sampleVm(vm, { generation: 2 }) }]),
      ),
    );
    const state = await locked.read();
    expect(state?.journalSequence).toBe(10_000);
    expect(Object.values(state?.resources ?? {}).every((resource) => resource.generation === 2)).toBe(true);
    expect((await locked.checkpoint(state ?? first)).serial).toBe(1);
    await locked.release();
  });
});
