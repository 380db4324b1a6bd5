import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { problem } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { Event } from "../../../engine/events.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import { DEFAULT_ALERTS } from "../../../engine/host/operations/alert-settings.ts";
import { takeUnseenAlerts } from "../../../engine/host/operations/current.ts";
import { EventLog } from "../../../engine/host/operations/event-log.ts";
import { placesOf } from "../../../engine/host/operations/places.ts";
import { ownMark } from "../../../engine/host/operations/process-mark.ts";
import { EventReader } from "../../../engine/host/operations/read-events.ts";
import type { OperationRecord } from "../../../engine/host/operations/record.ts";
import { OperationRecorder, type RecorderOptions } from "../../../engine/host/operations/recorder.ts";
import { listOperations, readStanding } from "../../../engine/host/operations/store.ts";
import { failFrom, systemError } from "../../support/effects.ts";
import { finished, label, operation, started } from "../../support/operations.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";
import { NOON, TestClock } from "../../support/test-clock.ts";

const temporary = temporaryFolders();
const real = nodeEffects();
const openHome = async () => homeFrom({ VMLAB_HOME: await temporary() });
const MINUTE = 60_000;

interface Rig {
  readonly home: Home;
  readonly clock: TestClock;
  readonly notes: string[];
  readonly recorder: OperationRecorder;
  readonly emit: (event: Event) => void;
}

async function rig(options: Partial<RecorderOptions> = {}, over: Partial<Effects> = {}): Promise<Rig> {
  const home = options.home ?? (await openHome());
  const clock = new TestClock();
  const notes: string[] = [];
  const recorder = new OperationRecorder({
    effects: { ...real, clock, ...over },
    home,
    about: { kind: "apply", command: ["apply", "--yes"], lab: { name: "demo", folder: home.root } },
    alerts: DEFAULT_ALERTS,
    note: (text) => notes.push(text),
    ...options,
  });
  return { home, clock, notes, recorder, emit: recorder.events(() => undefined) };
}

const only = async (home: Home): Promise<OperationRecord> => {
  const [record, ...others] = await listOperations(real, home);
  if (record === undefined || others.length > 0) throw new Error("not exactly one operation");
  return record;
};
const counts = { created: 1, updated: 0, replaced: 0, deleted: 0, failed: 0, skipped: 0 };

describe("a recorder", () => {
  test("keeps what an operation was and did", async () => {
    const { home, clock, notes, recorder, emit } = await rig();
    const passed: Event[] = [];
    const sink = recorder.events((event) => passed.push(event));
    sink({ type: "note", text: "before" });
    sink({ type: "run-started", operations: 2, estimateMs: 5000 });
    emit(started("vm.web", "create"));
    await clock.advance(3000);
    emit(finished("vm.web", "create"));
    await recorder.end({ state: "finished", exitCode: 0, failures: [], counts });
    const record = await only(home);
    expect(record).toEqual({
      version: 1,
      id: expect.stringMatching(/^op-[0-9a-f]{6}$/),
      kind: "apply",
      command: ["apply", "--yes"],
      lab: { name: "demo", folder: home.root },
      detached: false,
      process: await ownMark(real),
      started: NOON,
      estimateMs: 5000,
      total: 2,
      done: 1,
      alerts: [],
      state: "finished",
      ended: NOON + 3000,
      exitCode: 0,
      failures: [],
      counts,
    });
    const places = placesOf(home, record.id);
    expect(
      (await readFile(places.events, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { time: NOON, type: "note", text: "before" },
      { time: NOON, type: "run-started", operations: 2, estimateMs: 5000 },
      { time: NOON, ...started("vm.web", "create") },
      { time: NOON + 3000, ...finished("vm.web", "create") },
    ]);
    expect(passed.map(({ type }) => type)).toEqual(["note", "run-started"]);
    expect(await readdir(join(home.root, "operations", "current"))).toEqual([]);
    expect(notes).toEqual([]);
  });

  test("tells how far it is while it runs", async () => {
    const { home, clock, recorder, emit } = await rig();
    emit({ type: "run-started", operations: 2 });
    emit(started("vm.web", "create"));
    await clock.advance(1000);
    await clock.advance(1000);
    await settled(async () => (await listOperations(real, home)).length === 1);
    const { id } = await only(home);
    await settled(async () => (await readStanding(real, home, id))?.running.length === 1);
    expect(await only(home)).toMatchObject({ state: "running" });
    recorder.stopping("gracefully");
    await settled(async () => "stopping" in (await only(home)));
    expect(await only(home)).toMatchObject({ state: "running", stopping: "gracefully" });
    await recorder.end({ state: "cancelled", exitCode: 1, failures: [] });
    expect(await only(home)).toMatchObject({ state: "cancelled" });
    expect(await only(home)).not.toHaveProperty("stopping");
    expect(await readStanding(real, home, id)).toBeUndefined();
  });

  test("keeps nothing of a run that has nothing to do, or never starts", async () => {
    for (const event of [
      { type: "run-started", operations: 0 },
      { type: "lock-waiting", holder: "somebody", since: 0 },
    ] as const) {
      const { home, recorder, emit } = await rig();
      emit(event);
      await recorder.end({ state: "failed", exitCode: 1, failures: [] });
      expect(await readdir(home.root)).toEqual([]);
    }
  });

  test("raises alerts for silence, overrun and failure, and hands them to the lab's command", async () => {
    const home = await openHome();
    const script = join(home.root, "alert.sh");
    await writeFile(
      script,
      'printf "%s %s: %s\\n" "$VMLAB_ALERT_KIND" "$1" "$VMLAB_ALERT_SUMMARY" >> alerts.txt\ncat >> alerts.json\n',
    );
    const { clock, notes, recorder, emit } = await rig({
      home,
      alerts: { command: ["sh", script, "told"], ...DEFAULT_ALERTS, overrun: 2, stalledMs: 5 * MINUTE },
    });
    emit({ type: "run-started", operations: 2, estimateMs: MINUTE });
    emit(started("vm.web", "ready"));
    await clock.advance(2 * MINUTE);
    await settled(async () => (await takeable(home)) === 1);
    expect((await takeUnseenAlerts(real, home)).map(({ kind }) => kind)).toEqual(["overrun"]);
    await clock.advance(3 * MINUTE);
    const failure = problem({ code: "vm/not-ready", summary: "web did not get ready" });
    await recorder.end({ state: "failed", exitCode: 1, failures: [failure] });
    const record = await only(home);
    expect(record.alerts.map(({ kind, what, time }) => [kind, what, time - NOON])).toEqual([
      ["overrun", "has taken 2m, expected were 1m", 2 * MINUTE],
      ["stalled", "stalls: nothing came for 5m, last at vm.web: ready", 5 * MINUTE],
      ["failed", "failed: web did not get ready", 5 * MINUTE],
    ]);
    const lines = (await readFile(join(home.root, "alerts.txt"), "utf8")).trim().split("\n").sort();
    expect(lines).toEqual([
      "failed told: apply of demo failed: web did not get ready",
      "overrun told: apply of demo has taken 2m, expected were 1m",
      "stalled told: apply of demo stalls: nothing came for 5m, last at vm.web: ready",
    ]);
    const json = (await readFile(join(home.root, "alerts.json"), "utf8")).trim().split("\n");
    expect(json.map((line) => JSON.parse(line)).find(({ kind }) => kind === "failed")).toEqual({
      kind: "failed",
      operation: record.id,
      subject: "apply of demo",
      lab: "demo",
      folder: home.root,
      time: "2026-01-01T12:05:00.000Z",
      what: "failed: web did not get ready",
      summary: "apply of demo failed: web did not get ready",
      remedy: `vmlab ops show ${record.id}`,
    });
    // Somebody sat before it and saw how it ended.
    expect(await takeUnseenAlerts(real, home)).toEqual([]);
    expect(notes).toEqual([]);
  });

  test("leaves the alerts of a run in the background for the next command", async () => {
    const home = await openHome();
    const adopted = await operation(
      home,
      { detached: true, started: 0, process: await ownMark(real) },
      { state: "starting" },
    );
    const { recorder, emit } = await rig({ home, adopted });
    emit({ type: "run-started", operations: 1 });
    await recorder.end({ state: "failed", exitCode: 1, failures: [] });
    expect((await takeUnseenAlerts(real, home)).map(({ operation: id, what }) => [id, what])).toEqual([
      [adopted.id, "failed"],
    ]);
    expect(await takeUnseenAlerts(real, home)).toEqual([]);
  });

  test("notes that the alert command failed, and why", async () => {
    const home = await openHome();
    const broken = join(home.root, "broken.sh");
    await writeFile(broken, "#!/bin/sh\necho first >&2\necho no network >&2\nexit 3\n");
    await chmod(broken, 0o755);
    for (const [command, why] of [
      [[broken], `${broken} ended with 3: no network`],
      [["no-such-program-here"], "there is no program no-such-program-here"],
    ] as const) {
      const { recorder, emit, notes } = await rig({ home, alerts: { ...DEFAULT_ALERTS, command } });
      emit({ type: "run-started", operations: 1 });
      await recorder.end({ state: "failed", exitCode: 1, failures: [] });
      expect(notes).toEqual([`the alert was not handed to alerts.command: ${why}`]);
    }
  });

  test("never fails a run: what cannot be written is told once", async () => {
    for (const at of [1, 2, 3, 4, 5, 6]) {
      const full = failFrom(real, at, systemError("ENOSPC", "no space left on device"));
      const { clock, recorder, emit, notes } = await rig({}, { files: full.files });
      emit({ type: "run-started", operations: 1 });
      await clock.advance(3000);
      emit(started("vm.web", "create"));
      await clock.advance(3000);
      await recorder.end({ state: "finished", exitCode: 0, failures: [] });
      expect(notes).toEqual(['this run is not recorded for "vmlab ops" any more: no space left on device']);
    }
  });
});

describe("the event log", () => {
  test("keeps the end of a long one, and a reader that follows misses nothing", async () => {
    const home = await openHome();
    const { id } = await operation(home);
    const places = placesOf(home, id);
    const log = new EventLog(real.files, places);
    const reader = new EventReader(real.files, places);
    const line = "x".repeat(1000);
    const read: string[] = [];
    const follow = async () => {
      for (const { event } of await reader.next()) {
        if (event.type === "operation-output") read.push(event.line.slice(1000));
      }
    };
    let written = 0;
    for (let batch = 0; batch < 12; batch++) {
      for (let index = 0; index < 900; index++) {
        log.add(
          { type: "operation-output", operation: label("vm.web", "provision"), line: line + written },
          NOON,
        );
        written += 1;
      }
      await log.flush();
      await follow();
    }
    expect(read).toEqual(Array.from({ length: written }, (_, index) => String(index)));
    const kept = await Promise.all([places.events, places.olderEvents].map((path) => real.files.stat(path)));
    for (const file of kept) expect(file?.size).toBeLessThanOrEqual(4 * 1024 ** 2);
    const late = await new EventReader(real.files, places).next();
    expect(late.length).toBeLessThan(written);
    expect(late.length).toBeGreaterThan(4000);
  });

  test("is brief about a run of thousands of steps: what begins and ends well at once leaves its end", async () => {
    const home = await openHome();
    const { id } = await operation(home);
    const places = placesOf(home, id);
    const log = new EventLog(real.files, places, { brief: true });
    const add = (...events: Event[]) => {
      for (const event of events) log.add(event, NOON);
    };
    add(started("vm.a", "create"), started("vm.b", "create"), finished("vm.a", "create"));
    add(started("vm.c", "create"), {
      type: "operation-failed",
      operation: label("vm.c", "create"),
      durationMs: 1,
      diagnostics: [],
    });
    await log.flush();
    add(finished("vm.b", "create"));
    await log.flush();
    const read = await new EventReader(real.files, places).next();
    expect(
      read.map(({ event }) => "operation" in event && `${event.operation.address} ${event.type}`),
    ).toEqual([
      "vm.b operation-started",
      "vm.a operation-finished",
      "vm.c operation-started",
      "vm.c operation-failed",
      "vm.b operation-finished",
    ]);
  });

  test("keeps only the phases of progress, and a line half written waits", async () => {
    const home = await openHome();
    const { id } = await operation(home);
    const places = placesOf(home, id);
    const log = new EventLog(real.files, places);
    const progress = (phase: string, done: number): Event => ({
      type: "operation-progress",
      operation: label("image.noble", "obtain"),
      phase,
      progress: { unit: "bytes", done },
    });
    log.add(progress("downloading", 1), NOON);
    log.add(progress("downloading", 2), NOON);
    log.add(progress("checking", 3), NOON);
    await log.flush();
    const reader = new EventReader(real.files, places);
    expect((await reader.next()).map(({ event }) => "phase" in event && event.phase)).toEqual([
      "downloading",
      "checking",
    ]);
    await real.files.append(places.events, `{"time":1,"type":"no`);
    expect(await reader.next()).toEqual([]);
    await real.files.append(places.events, `te","text":"ä"}\nrubbish\n{"time":1,"type":"from-the-future"}\n`);
    expect(await reader.next()).toEqual([{ time: 1, event: { type: "note", text: "ä" } }]);
  });
});

async function takeable(home: Home): Promise<number> {
  const names = await real.files.list(join(home.root, "operations", "current"));
  return names.filter((name) => name.endsWith(".alert.json")).length;
}

/** Resolves when what is written in the background is there. */
async function settled(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
}
