/**
 * Everything that happens, as one discriminated union. Renderers (terminal, NDJSON, log file) consume events;
 * nothing else tells the user what is going on. Times are milliseconds since the epoch, durations milliseconds.
 */
import type { Diagnostic } from "./diagnostics.ts";

export type Event =
  /** An apply (or a day-2 command over several resources) begins; `operations` is how many will run. */
  | { readonly type: "run-started"; readonly operations: number; readonly estimateMs?: number }
  | { readonly type: "operation-started"; readonly operation: OperationLabel; readonly estimateMs?: number }
  /** What an operation is doing now: `phase` is one short phrase ("waiting for SSH"). */
  | {
      readonly type: "operation-progress";
      readonly operation: OperationLabel;
      readonly phase: string;
      readonly progress?: Progress;
      /** It waits for its turn: what it is expected to take begins after that. */
      readonly queued?: true;
    }
  /** A line of a guest's or builder's output. */
  | { readonly type: "operation-output"; readonly operation: OperationLabel; readonly line: string }
  | { readonly type: "operation-finished"; readonly operation: OperationLabel; readonly durationMs: number }
  | {
      readonly type: "operation-failed";
      readonly operation: OperationLabel;
      readonly durationMs: number;
      readonly diagnostics: readonly Diagnostic[];
    }
  /** The first of a resource's operations that is left out stands for all of them. */
  | { readonly type: "operation-skipped"; readonly operation: OperationLabel; readonly because: string }
  /** The old machine of a failed replacement is running again. */
  | { readonly type: "rolled-back"; readonly address: string; readonly reason: string }
  | {
      readonly type: "recovered";
      readonly address: string;
      readonly intent: string;
      readonly outcome: "finished" | "undone";
    }
  | { readonly type: "interrupted"; readonly how: "graceful" | "hard"; readonly running: readonly string[] }
  | { readonly type: "lock-waiting"; readonly holder: string; readonly since: number }
  | { readonly type: "note"; readonly address?: string; readonly text: string }
  | { readonly type: "diagnostic"; readonly diagnostic: Diagnostic }
  | { readonly type: "run-finished"; readonly result: RunCounts; readonly durationMs: number };

/** Names an operation in events: `vm.web`, step `start`, as part of action `replace`. */
export interface OperationLabel {
  readonly id: string;
  readonly address: string;
  readonly step: string;
  readonly action: string;
}

export interface Progress {
  /** What is counted: bytes, steps, … */
  readonly unit: "bytes" | "steps" | "ms";
  readonly done: number;
  readonly total?: number;
  readonly ratePerSecond?: number;
  readonly etaMs?: number;
}

export interface RunCounts {
  readonly created: number;
  readonly updated: number;
  readonly replaced: number;
  readonly deleted: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Where events go. */
export type EventSink = (event: Event) => void;
