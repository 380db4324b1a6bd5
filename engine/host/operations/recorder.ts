/**
 * Records an operation while it runs: what it is, its events, how far it is, how it ended; and raises alerts. That
 * something cannot be recorded is told once and is no failure of the operation.
 */
import { errorText } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Event, EventSink } from "../../events.ts";
import type { Home } from "../../home.ts";
import { alertAbout, dropAlerts, type OperationAlertKind, queueAlert, runAlertCommand } from "./alert.ts";
import type { AlertSettings } from "./alert-settings.ts";
import { EventLog } from "./event-log.ts";
import { currentFolder, placesOf } from "./places.ts";
import { ownMark } from "./process-mark.ts";
import type { OperationEnd, OperationFacts, OperationRecord } from "./record.ts";
import { StandingFollower } from "./standing.ts";
import { createOperation, pruneOperations, writeOperation } from "./store.ts";
import { Watch } from "./watch.ts";

export interface RecorderOptions {
  readonly effects: Effects;
  readonly home: Home;
  readonly about: Pick<OperationFacts, "kind" | "command" | "lab">;
  readonly alerts: AlertSettings;
  /** The record that whoever started this process made; absent: one is made when the run starts. */
  readonly adopted?: OperationRecord;
  /** Told to the user: why something could not be recorded, or an alert not be handed over. */
  readonly note: (text: string) => void;
}

const TICK_MS = 1000;
/** The file that tells how far it is costs two syncs; nobody reads it more often than this. */
const STANDING_MS = 2000;
/** Events. */
const MOST_WAITING = 2000;
/** Steps of a run whose record is brief. */
const MANY_STEPS = 1000;
/** Events before the run starts are few; a record that never begins must not collect them. */
const MOST_BEFORE = 100;

export class OperationRecorder {
  readonly #options: RecorderOptions;
  readonly #follower = new StandingFollower();
  readonly #over = new AbortController();
  #before: { readonly event: Event; readonly time: number }[] = [];
  #log: EventLog | undefined;
  #record: OperationRecord | undefined;
  #watch: Watch | undefined;
  #begun = false;
  #broken = false;
  #toldOfIt = false;
  #standingAt = 0;
  #standingDue = false;
  /** Writes, one after the other; never rejects. */
  #writes: Promise<void> = Promise.resolve();
  #flushing = false;
  readonly #commands: Promise<void>[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** A sink that records each event and passes it on. Recording begins with the start of a run that has steps. */
  events(next: EventSink): EventSink {
    return (event) => {
      this.#take(event);
      next(event);
    };
  }

  /** Somebody asked the operation to stop. */
  stopping(how: "gracefully" | "at once"): void {
    if (this.#begun) this.#update((record) => ({ ...record, state: "running", stopping: how }));
  }

  /** Resolves when everything is written and the alert command has ended. Does nothing when no run has started. */
  async end(end: Omit<OperationEnd, "ended">): Promise<void> {
    this.#over.abort();
    if (!this.#begun) return;
    const { effects, home } = this.#options;
    const ended = effects.clock.now();
    this.#flush();
    // A disk that was full for a while must not leave an operation that seems to run.
    this.#enqueue(async () => {
      this.#broken = false;
    }, true);
    // The alert first: who sees that it has failed finds it.
    if (end.state === "failed") {
      const [first] = end.failures;
      this.#alert("failed", first === undefined ? "failed" : `failed: ${first.summary}`);
    }
    this.#update((record) => {
      const { stopping: _, ...facts } = record as OperationRecord & { stopping?: unknown };
      return { ...facts, done: this.#follower.standing().ended, ...end, ended };
    });
    this.#enqueue(async () => {
      if (this.#record === undefined) return;
      const { id, detached } = this.#record;
      const places = placesOf(home, id);
      await effects.files.remove(places.standing);
      await effects.files.remove(places.plan);
      // Whoever sat before it has seen how it ended.
      if (!detached) await dropAlerts(effects, home, id);
      await pruneOperations(effects, home, ended);
    }, true);
    await this.#writes;
    await Promise.all(this.#commands);
  }

  #take(event: Event): void {
    const now = this.#options.effects.clock.now();
    this.#follower.take(event, now);
    this.#watch?.heard(now);
    this.#standingDue = true;
    if (this.#log === undefined) {
      if (this.#begun || this.#before.length < MOST_BEFORE) this.#before.push({ event, time: now });
    } else {
      this.#log.add(event, now);
      if (this.#log.waiting > MOST_WAITING) this.#flush();
    }
    if (event.type === "run-started" && event.operations > 0) this.#begin(now, event);
    // Somebody waits to hear that it has begun, and a wait for the lock may be long.
    else if (event.type === "lock-waiting" && this.#options.adopted !== undefined)
      this.#begin(now, undefined);
  }

  #begin(now: number, run: (Event & { readonly type: "run-started" }) | undefined): void {
    const { effects, home, about, adopted, alerts } = this.#options;
    const estimate = run?.estimateMs === undefined ? {} : { estimateMs: run.estimateMs };
    const total = run === undefined ? {} : { total: run.operations };
    this.#watch = new Watch({ settings: alerts, started: now, estimateMs: run?.estimateMs, tickMs: TICK_MS });
    if (this.#begun) {
      // It was waiting for the lock until now.
      this.#update((record) => ({ ...record, ...estimate, ...total, started: now }));
      return;
    }
    this.#begun = true;
    const facts = { ...about, detached: false, started: now, ...estimate, ...total };
    this.#enqueue(async () => {
      if (adopted === undefined) {
        const process = await ownMark(effects);
        this.#record = await createOperation(effects, home, { ...facts, process }, { state: "running" });
      } else {
        this.#record = { ...adopted, ...estimate, ...total, started: now, state: "running" };
        await writeOperation(effects, home, this.#record);
      }
      const log = new EventLog(effects.files, placesOf(home, this.#record.id), {
        brief: (this.#record.total ?? 0) > MANY_STEPS,
      });
      for (const { event, time } of this.#before) log.add(event, time);
      this.#before = [];
      this.#log = log;
      await effects.files.makeDir(currentFolder(home));
      await this.#writeStanding(this.#record.id);
    });
    void this.#keepTicking();
  }

  async #keepTicking(): Promise<void> {
    const { effects, home } = this.#options;
    const { signal } = this.#over;
    for (;;) {
      try {
        await effects.clock.sleep(TICK_MS, signal);
      } catch {
        return;
      }
      if (signal.aborted) return;
      const now = effects.clock.now();
      for (const { kind, what } of this.#watch?.tick(now, this.#follower.running()) ?? []) {
        this.#alert(kind, what);
      }
      this.#flush();
      if (!this.#standingDue || now - this.#standingAt < STANDING_MS) continue;
      this.#standingDue = false;
      this.#standingAt = now;
      this.#write((record) => effects.files.write(placesOf(home, record.id).standing, this.#standingText()));
    }
  }

  #writeStanding(id: string): Promise<void> {
    return this.#options.effects.files.write(placesOf(this.#options.home, id).standing, this.#standingText());
  }

  #standingText(): string {
    return `${JSON.stringify(this.#follower.standing())}\n`;
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#write(async () => {
      this.#flushing = false;
      await this.#log?.flush();
    });
  }

  #alert(kind: OperationAlertKind, what: string): void {
    const { effects, home, alerts } = this.#options;
    this.#write(async (record) => {
      const alert = alertAbout(record, kind, what, effects.clock.now());
      this.#record = { ...record, alerts: [...record.alerts, alert] };
      await writeOperation(effects, home, this.#record);
      if (alerts.command !== undefined) this.#commands.push(this.#handOver(alerts.command, alert));
      if (kind !== "failed" || record.detached) await queueAlert(effects, home, alert);
    });
  }

  async #handOver(command: readonly string[], alert: ReturnType<typeof alertAbout>): Promise<void> {
    const problem = await runAlertCommand(this.#options.effects, command, alert);
    if (problem !== undefined) this.#options.note(`the alert was not handed to alerts.command: ${problem}`);
  }

  #update(change: (record: OperationRecord) => OperationRecord): void {
    const { effects, home } = this.#options;
    this.#write(async (record) => {
      this.#record = change(record);
      await writeOperation(effects, home, this.#record);
    });
  }

  /** Writes about the record, once it is made. */
  #write(action: (record: OperationRecord) => Promise<void>): void {
    this.#enqueue(async () => {
      if (this.#record !== undefined) await action(this.#record);
    });
  }

  /** After a failure only what is `insisted` on is still tried. */
  #enqueue(action: () => Promise<void>, insisted = false): void {
    this.#writes = this.#writes
      .then(async () => {
        if (!this.#broken || insisted) await action();
      })
      .catch((error: unknown) => {
        this.#broken = true;
        if (this.#toldOfIt) return;
        this.#toldOfIt = true;
        this.#options.note(`this run is not recorded for "vmlab ops" any more: ${errorText(error)}`);
      });
  }
}
