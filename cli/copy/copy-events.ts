/** What a copy tells the record of operations. Nothing at first: most are over before anybody could look for them. */
import type { Diagnostic } from "../../engine/diagnostics.ts";
import type { Clock } from "../../engine/effects.ts";
import type { EventSink, OperationLabel, Progress } from "../../engine/events.ts";

/** A copy that takes longer is on record. */
const LONG_MS = 2000;
const TELL_EVERY_MS = 1000;

/** One destination, and how far it is; bytes. */
export interface CopyLane {
  /** For people. */
  readonly to: string;
  readonly bytes: number;
  /** What will come, where that is known. */
  readonly expected: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export class CopyEvents {
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #lanes: readonly CopyLane[];
  readonly #started: number;
  readonly #over = new AbortController();
  readonly #toldAt = new Map<CopyLane, number>();
  readonly #endedAt = new Map<CopyLane, number>();
  #begun = false;

  constructor(clock: Clock, lanes: readonly CopyLane[], events: EventSink) {
    this.#clock = clock;
    this.#lanes = lanes;
    this.#events = events;
    this.#started = clock.now();
    clock.sleep(LONG_MS, this.#over.signal).then(
      () => this.#begin(),
      () => undefined,
    );
  }

  /** Something of the lane has gone through. */
  moved(lane: CopyLane): void {
    if (!this.#begun) return;
    const now = this.#clock.now();
    if (now - (this.#toldAt.get(lane) ?? 0) < TELL_EVERY_MS) return;
    this.#toldAt.set(lane, now);
    const progress = this.#progress(lane, now);
    this.#events({ type: "operation-progress", operation: this.#label(lane), phase: "copying", progress });
  }

  laneEnded(lane: CopyLane): void {
    this.#endedAt.set(lane, this.#clock.now());
    if (this.#begun) this.#tellEnd(lane);
  }

  /** The whole copy is over, well or not. */
  ended(): void {
    this.#over.abort();
    if (!this.#begun) return;
    const failed = this.#lanes.filter(({ diagnostics }) => diagnostics.length > 0).length;
    this.#events({
      type: "run-finished",
      result: {
        created: 0,
        updated: this.#endedAt.size - failed,
        replaced: 0,
        deleted: 0,
        failed,
        skipped: this.#lanes.length - this.#endedAt.size,
      },
      durationMs: this.#clock.now() - this.#started,
    });
  }

  #begin(): void {
    this.#begun = true;
    this.#events({ type: "run-started", operations: this.#lanes.length });
    for (const lane of this.#lanes) {
      this.#events({ type: "operation-started", operation: this.#label(lane) });
      if (this.#endedAt.has(lane)) this.#tellEnd(lane);
      else this.moved(lane);
    }
  }

  #tellEnd(lane: CopyLane): void {
    const operation = this.#label(lane);
    const durationMs = (this.#endedAt.get(lane) ?? this.#clock.now()) - this.#started;
    const { diagnostics } = lane;
    if (diagnostics.length === 0) this.#events({ type: "operation-finished", operation, durationMs });
    else this.#events({ type: "operation-failed", operation, durationMs, diagnostics });
  }

  #progress({ bytes, expected }: CopyLane, now: number): Progress {
    const done = { unit: "bytes", done: bytes } as const;
    const elapsedMs = now - this.#started;
    if (bytes === 0 || elapsedMs <= 0)
      return { ...done, ...(expected === undefined ? {} : { total: expected }) };
    const ratePerSecond = Math.round((bytes * 1000) / elapsedMs);
    if (expected === undefined || expected < bytes) return { ...done, ratePerSecond };
    const etaMs = Math.round(((expected - bytes) * elapsedMs) / bytes);
    return { ...done, total: expected, ratePerSecond, etaMs };
  }

  #label(lane: CopyLane): OperationLabel {
    return { id: `copy:${this.#lanes.indexOf(lane)}`, address: lane.to, step: "copy", action: "copy" };
  }
}
