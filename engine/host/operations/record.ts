/**
 * What is kept of a long operation (an apply, an image build, an export): one folder each under
 * `VMLAB_HOME/operations`, so that any terminal can see it, follow it and stop it. Times are milliseconds since the
 * epoch, durations milliseconds.
 */
import type { Diagnostic } from "../../diagnostics.ts";
import type { RunCounts } from "../../events.ts";
import { isJsonObject } from "../../json.ts";
import type { Alert } from "./alert.ts";

export const OPERATION_VERSION = 1;

/** `operation.json`: everything about an operation but its events. */
export type OperationRecord = OperationFacts & OperationStage;

export interface OperationFacts {
  readonly version: typeof OPERATION_VERSION;
  /** `op-3f9c2a`. */
  readonly id: string;
  /** The command as people call it: `apply`, `destroy`, `images build`, `export`, … */
  readonly kind: string;
  /** The words behind `vmlab`; values of variables are left out. */
  readonly command: readonly string[];
  readonly lab?: OperationLab;
  /** It runs without a terminal; nobody saw what it printed. */
  readonly detached: boolean;
  /** Who carries it out. */
  readonly process: ProcessMark;
  readonly started: number;
  readonly estimateMs?: number;
  /** How many steps it has; unknown until it runs. */
  readonly total?: number;
  /** How many of them have ended, well or not; written when it ends. */
  readonly done?: number;
  readonly alerts: readonly Alert[];
}

export interface OperationLab {
  readonly name: string;
  /** Absolute path. */
  readonly folder: string;
}

export type OperationStage = UnderWay | OperationEnd;

export type UnderWay =
  /** Its process was started and has not begun yet. */
  | { readonly state: "starting" }
  | { readonly state: "running"; readonly stopping?: "gracefully" | "at once" };

export interface OperationEnd {
  /**
   * `cancelled`: stopped after what was under way; `interrupted`: stopped at once; `died`: its process ended without a
   * word, which the next command found out.
   */
  readonly state: "finished" | "failed" | "cancelled" | "interrupted" | "died";
  readonly ended: number;
  readonly exitCode?: number;
  readonly counts?: RunCounts;
  /** Why it failed; the first few. */
  readonly failures: readonly Diagnostic[];
}

/** A process that can be told from a later one with the same pid, also after a reboot and from another host. */
export interface ProcessMark {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
  /** Hashed id of the host. */
  readonly host: string;
  readonly hostName: string;
}

/** True while an operation has not come to an end, as far as its record tells. */
export function isUnderWay(record: OperationRecord): record is OperationFacts & UnderWay {
  return record.state === "starting" || record.state === "running";
}

/** Undefined when the text is no record of this version. */
export function parseRecord(text: string): OperationRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const sound =
    isJsonObject(value) &&
    value.version === OPERATION_VERSION &&
    ["id", "kind", "state"].every((field) => typeof value[field] === "string") &&
    typeof value.started === "number" &&
    Array.isArray(value.command) &&
    Array.isArray(value.alerts) &&
    isJsonObject(value.process) &&
    typeof value.process.pid === "number";
  return sound ? (value as unknown as OperationRecord) : undefined;
}
