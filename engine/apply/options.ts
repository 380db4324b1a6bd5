/** What a user can ask of an apply, and what comes of it. */
import type { Diagnostic } from "../diagnostics.ts";
import type { RunCounts } from "../events.ts";
import type { Json } from "../json.ts";
import type { State } from "../state/types.ts";

export interface ApplyOptions {
  /** The verb recorded in the lock: `apply`, `destroy`, `start`, … */
  readonly command: string;
  readonly parallelism: number;
  /** How long to wait for a lock that another vmlab holds; 0: not at all. */
  readonly lockTimeoutMs: number;
  /** Aborted by the first Ctrl-C: nothing new starts, what runs is finished or rolled back. */
  readonly graceful: AbortSignal;
  /** Aborted by the second Ctrl-C: at once; the next command recovers. */
  readonly hard: AbortSignal;
  /** Values of the sensitive variables, for expressions that use them. */
  readonly sensitiveVariables: Readonly<Record<string, Json>>;
}

export interface ApplyOutcome {
  readonly counts: RunCounts;
  readonly failures: readonly OperationFailure[];
  readonly skipped: readonly {
    readonly operation: string;
    readonly address: string;
    readonly because: string;
  }[];
  readonly interrupted: boolean;
  /** Checks that failed at the end; what was made stays. */
  readonly checks: readonly Diagnostic[];
  readonly outputs: Readonly<Record<string, { readonly value: Json; readonly sensitive: boolean }>>;
  /** Undefined after a complete destroy. */
  readonly state: State | undefined;
}

export interface OperationFailure {
  readonly operation: string;
  readonly address: string;
  readonly diagnostics: readonly Diagnostic[];
}
