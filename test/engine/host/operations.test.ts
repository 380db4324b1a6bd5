import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { Event } from "../../../engine/events.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import { alertSettings, DEFAULT_ALERTS } from "../../../engine/host/operations/alert-settings.ts";
import { takeUnseenAlerts } from "../../../engine/host/operations/current.ts";
import { placesOf } from "../../../engine/host/operations/places.ts";
import { ownMark } from "../../../engine/host/operations/process-mark.ts";
import type { OperationStage } from "../../../engine/host/operations/record.ts";
import { type Standing, StandingFollower } from "../../../engine/host/operations/standing.ts";
import {
  createOperation,
  findOperation,
  listOperations,
  pruneOperations,
  readOperation,
} from "../../../engine/host/operations/store.ts";
import { timeLeft } from "../../../engine/host/operations/time-left.ts";
import { Watch } from "../../../engine/host/operations/watch.ts";
import { label, operation, started } from "../../support/operations.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";
import { NOON } from "../../support/test-clock.ts";

const temporary = temporaryFolders();
const real = nodeEffects();
const openHome = async () => homeFrom({ VMLAB_HOME: await temporary() });

const MINUTE = 60_000;

describe("how far an operation is", () => {
  test("follows from its events", () => {
    const follower = new StandingFollower();
    const progress = { unit: "bytes", done: 10, total: 100, etaMs: 900 } as const;
    const events: Event[] = [
      { type: "run-started", operations: 4 },
      started("image.noble", "obtain", 1000),
      {
        type: "operation-progress",
        operation: label("image.noble", "obtain"),
        phase: "downloading",
        progress,
      },
      started("vm.web", "create"),
      { type: "operation-progress", operation: label("vm.web", "create"), phase: "making the disk" },
      started("vm.db", "create"),
      { type: "operation-failed", operation: label("vm.db", "create"), durationMs: 1, diagnostics: [] },
      { type: "operation-skipped", operation: label("vm.db", "start"), because: "create failed" },
    ];
    for (const [second, event] of events.entries()) follower.take(event, second);
    expect(follower.standing()).toEqual({
      total: 4,
      ended: 2,
      failed: 1,
      running: [
        {
          address: "image.noble",
          step: "obtain",
          action: "create",
          since: 1,
          estimateMs: 1000,
          phase: "downloading",
          progress,
          progressAt: 2,
        },
        { address: "vm.web", step: "create", action: "create", since: 3, phase: "making the disk" },
      ],
      more: 0,
    });
  });

  test("knows which steps wait for their turn, and when it came", () => {
    const follower = new StandingFollower();
    const phase = (text: string, queued?: true): Event => ({
      type: "operation-progress",
      operation: label("role.a", "obtain"),
      phase: text,
      ...(queued === undefined ? {} : { queued }),
    });
    follower.take(started("role.a", "obtain", 1000), 1);
    follower.take(phase("waiting for role.b (pid 7)", true), 2);
    const step = { address: "role.a", step: "obtain", action: "create", since: 1, estimateMs: 1000 };
    expect(follower.running()).toEqual([{ ...step, phase: "waiting for role.b (pid 7)", queued: true }]);
    follower.take(phase("booting"), 3);
    expect(follower.running()).toEqual([{ ...step, phase: "booting", begun: 3 }]);
  });

  test("lists twenty of many running steps", () => {
    const follower = new StandingFollower();
    for (let index = 0; index < 30; index++) follower.take(started(`vm.v${index}`, "create"), index);
    const { running, more } = follower.standing();
    expect([running.length, more]).toEqual([20, 10]);
  });
});

describe("the time left", () => {
  const step = { address: "vm.web", step: "ready", action: "create", since: 0 };
  const standing = (fields: Partial<Standing>): Standing => ({
    total: 10,
    ended: 2,
    failed: 0,
    running: [step],
    more: 0,
    ...fields,
  });
  const left = (now: number, fields: Partial<Standing>, estimateMs?: number) =>
    timeLeft({ started: 0, ...(estimateMs === undefined ? {} : { estimateMs }) }, standing(fields), now);

  test("is what the estimate leaves", () => {
    expect(left(20, {}, 100)).toEqual({ kind: "known", ms: 80 });
  });

  test("is never less than what a running step needs", () => {
    const progress = { unit: "bytes", done: 1, etaMs: 500 } as const;
    expect(left(20, { running: [{ ...step, progress, progressAt: 10 }] }, 100)).toEqual({
      kind: "known",
      ms: 490,
    });
  });

  test("is what the last steps need when nothing waits any more, whatever the estimate said", () => {
    expect(left(20, { ended: 9, running: [{ ...step, estimateMs: 30 }] }, 1000)).toEqual({
      kind: "known",
      ms: 10,
    });
    expect(left(20, { ended: 9, running: [{ ...step, estimateMs: 30 }] })).toEqual({ kind: "known", ms: 10 });
  });

  test("counts what waits for its turn after what has it", () => {
    const build = { address: "role.a", step: "obtain", action: "build", since: 0, estimateMs: 60 };
    const queued = { ...build, address: "role.b", queued: true } as const;
    const both = { total: 2, ended: 0, running: [build, queued] };
    expect(left(10, both, 120)).toEqual({ kind: "known", ms: 110 });
    expect(left(10, both, 60)).toEqual({ kind: "known", ms: 110 });
    expect(left(70, { total: 2, ended: 1, running: [{ ...build, begun: 60 }] }, 120)).toEqual({
      kind: "known",
      ms: 50,
    });
    // Another lab has the place: nobody knows for how long.
    expect(left(100, { total: 1, ended: 0, running: [queued] }, 60)).toEqual({ kind: "known", ms: 60 });
  });

  test("is not known without an estimate, nor beyond it", () => {
    expect(left(20, {})).toEqual({ kind: "unknown" });
    expect(left(200, {}, 100)).toEqual({ kind: "overdue", expectedMs: 100 });
    expect(left(200, { ended: 9, running: [{ ...step, estimateMs: 30 }] }, 100)).toEqual({
      kind: "overdue",
      expectedMs: 100,
    });
  });
});

describe("[alerts] of lab.toml", () => {
  test("has defaults", () => {
    expect(alertSettings({})).toEqual({
      overrun: 3,
      stalledMs: 10 * MINUTE,
      probeMs: 5 * MINUTE,
      diskFree: 5 * 2 ** 30,
    });
    const given = { overrun: 1.5, stalled: "2m30s", probe: "1h", disk_free: "20GiB" };
    expect(alertSettings({ alerts: { command: ["notify", "me"], ...given } })).toEqual({
      command: ["notify", "me"],
      overrun: 1.5,
      stalledMs: 150_000,
      probeMs: 60 * MINUTE,
      diskFree: 20 * 2 ** 30,
    });
  });
});

describe("the watch", () => {
  const watch = (estimateMs: number | undefined) =>
    new Watch({ settings: DEFAULT_ALERTS, started: 0, estimateMs, tickMs: 1000 });
  /** Ticks every second from `from` to `to`; what was found, with its minute. */
  const ticks = (of: Watch, from: number, to: number, running: Parameters<Watch["tick"]>[1] = []) => {
    const found: string[] = [];
    for (let now = from; now <= to; now += 1000) {
      for (const { kind, what } of of.tick(now, running)) found.push(`${now / MINUTE} ${kind}: ${what}`);
    }
    return found;
  };
  const web = { address: "vm.web", step: "ready", action: "create", since: 0, phase: "waiting for SSH" };

  test("tells of a silence once, and again of the next", () => {
    const quiet = watch(undefined);
    expect(ticks(quiet, 1000, 25 * MINUTE, [web])).toEqual([
      "10 stalled: stalls: nothing came for 10m, last at vm.web: waiting for SSH",
    ]);
    quiet.heard(25 * MINUTE);
    expect(ticks(quiet, 25 * MINUTE + 1000, 40 * MINUTE)).toEqual([
      "35 stalled: stalls: nothing came for 10m",
    ]);
  });

  test("tells once of what takes several times as long as expected", () => {
    const slow = watch(2 * MINUTE);
    expect(ticks(slow, 1000, 9 * MINUTE, [{ ...web, estimateMs: MINUTE }])).toEqual([
      "3 overrun: takes long: vm.web (waiting for SSH) has taken 3m, expected were 1m",
    ]);
    expect(ticks(watch(2 * MINUTE), 1000, 9 * MINUTE)).toEqual(["6 overrun: has taken 6m, expected were 2m"]);
  });

  test("says nothing about what waits for its turn", () => {
    const queued = { ...web, estimateMs: MINUTE, queued: true } as const;
    expect(ticks(watch(undefined), 1000, 9 * MINUTE, [queued])).toEqual([]);
    const begun = { ...web, estimateMs: MINUTE, begun: 5 * MINUTE };
    expect(ticks(watch(undefined), 1000, 9 * MINUTE, [begun])).toEqual([
      "8 overrun: takes long: vm.web (waiting for SSH) has taken 3m, expected were 1m",
    ]);
  });

  test("says nothing about seconds", () => {
    expect(ticks(watch(1000), 1000, 60_000)).toEqual([]);
    expect(ticks(watch(1000), 1000, 61_000)).toEqual([
      `${61 / 60} overrun: has taken 1m 1s, expected were 1s`,
    ]);
  });

  test("does not count the time in which the host slept", () => {
    const asleep = watch(MINUTE);
    expect(ticks(asleep, 1000, 2 * MINUTE)).toEqual([]);
    const woken = 8 * 60 * MINUTE;
    expect(ticks(asleep, woken, woken + 30_000)).toEqual([]);
    expect(ticks(asleep, woken + 31_000, woken + 2 * MINUTE)).toEqual([
      expect.stringMatching(/overrun: has taken 3m, expected were 1m$/),
    ]);
  });
});

describe("an operation whose process is gone", () => {
  const gone = async () => ({ ...(await ownMark(real)), startTime: "1" });

  test("has died: the next command tells of it once", async () => {
    const home = await openHome();
    const { id } = await operation(home, { process: await gone() });
    await standingOf(home, id);
    const [alert, ...others] = await takeUnseenAlerts(real, home);
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      kind: "died",
      operation: id,
      what: `died: its process (pid ${process.pid}) is gone without having finished`,
    });
    expect(await readOperation(real, home, id)).toMatchObject({ state: "died", alerts: [alert] });
    expect(await takeUnseenAlerts(real, home)).toEqual([]);
  });

  test("is no news when somebody asked it to stop", async () => {
    const home = await openHome();
    const { id } = await operation(
      home,
      { process: await gone() },
      { state: "running", stopping: "at once" },
    );
    await standingOf(home, id);
    expect(await takeUnseenAlerts(real, home)).toEqual([]);
    expect(await readOperation(real, home, id)).toMatchObject({ state: "interrupted", alerts: [] });
  });

  test("may live on when it is on another host, or is this one", async () => {
    const home = await openHome();
    const ids: string[] = [];
    for (const mark of [{ ...(await gone()), host: "elsewhere" }, await ownMark(real)]) {
      const { id } = await operation(home, { process: mark });
      await standingOf(home, id);
      ids.push(id);
    }
    expect(await takeUnseenAlerts(real, home)).toEqual([]);
    for (const id of ids) expect(await readOperation(real, home, id)).toMatchObject({ state: "running" });
  });
});

test("records are kept for fourteen days, the newest fifty, and those that run", async () => {
  const home = await openHome();
  const ended = (start: number): OperationStage => ({ state: "finished", ended: start, failures: [] });
  const day = 24 * 60 * MINUTE;
  const old = await operation(home, { started: NOON - 15 * day }, ended(NOON));
  const running = await operation(home, { started: NOON - 100 * day });
  const kept: string[] = [];
  const many: string[] = [];
  for (let index = 0; index < 60; index++) {
    const { id } = await operation(home, { started: NOON - index * MINUTE }, ended(NOON));
    (index < 50 ? kept : many).push(id);
  }
  await pruneOperations(real, home, NOON);
  const left = (await listOperations(real, home)).map(({ id }) => id);
  expect(left).toEqual([...kept, running.id]);
  expect(left).not.toContain(old.id);
  expect(left).not.toEqual(expect.arrayContaining(many));
});

describe("an operation is found", () => {
  const named = async (home: Home, hex: string) => {
    const random = { bytes: () => Buffer.from(hex, "hex") };
    return await createOperation(
      { ...real, random },
      home,
      { kind: "apply", command: [], detached: false, process: await ownMark(real), started: NOON },
      { state: "running" },
    );
  };
  const outcome = async (home: Home, given: string) =>
    await findOperation(real, home, given).then(
      ({ id }) => id,
      ({ diagnostics: [{ code, hint }] }) => `${code}: ${hint}`,
    );

  test("by its id, or its beginning with or without op-", async () => {
    const home = await openHome();
    await named(home, "3f9c2a");
    await named(home, "3fffff");
    expect(await outcome(home, "op-3f9c2a")).toBe("op-3f9c2a");
    expect(await outcome(home, "3f9")).toBe("op-3f9c2a");
    expect(await outcome(home, "op-3ff")).toBe("op-3fffff");
    expect(await outcome(home, "3f")).toMatch(
      /^ops\/several-operations: Write more of the id: op-3f.*, op-3f/,
    );
    expect(await outcome(home, "op-3f9c2b")).toBe('ops/unknown-operation: Did you mean "op-3f9c2a"?');
    expect(await outcome(home, "77")).toBe('ops/unknown-operation: "vmlab ops --all" lists them.');
  });

  test("also beside a record that is damaged or is being made", async () => {
    const home = await openHome();
    await named(home, "3f9c2a");
    await mkdir(placesOf(home, "op-000001").folder);
    await mkdir(placesOf(home, "op-000002").folder);
    await writeFile(placesOf(home, "op-000002").record, "{");
    expect((await listOperations(real, home)).map(({ id }) => id)).toEqual(["op-3f9c2a"]);
  });
});

test("an id that is taken is not given again", async () => {
  const home = await openHome();
  const bytes = ["aaaaaa", "aaaaaa", "bbbbbb"].map((hex) => Buffer.from(hex, "hex"));
  const random = { bytes: () => bytes.shift() ?? Buffer.alloc(3) };
  const facts = { kind: "apply", command: [], detached: false, process: await ownMark(real), started: NOON };
  const make = () => createOperation({ ...real, random }, home, facts, { state: "running" });
  expect([(await make()).id, (await make()).id]).toEqual(["op-aaaaaa", "op-bbbbbb"]);
});

async function standingOf(home: Home, id: string): Promise<void> {
  await real.files.makeDir(join(home.root, "operations", "current"));
  await real.files.write(
    placesOf(home, id).standing,
    '{"total":1,"ended":0,"failed":0,"running":[],"more":0}',
  );
}
