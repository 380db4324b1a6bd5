/** Records what a command does, so that `vmlab ops` shows it everywhere. */
import type { Lab } from "../engine/config/types.ts";
import { type Diagnostic, errorText, isDiagnosticsError, problem } from "../engine/diagnostics.ts";
import type { EventSink, RunCounts } from "../engine/events.ts";
import { alertSettings, DEFAULT_ALERTS } from "../engine/host/operations/alert-settings.ts";
import type { OperationEnd } from "../engine/host/operations/record.ts";
import { withoutValues } from "./command-words.ts";
import type { CommandContext } from "./context.ts";
import type { Interrupts } from "./interrupt.ts";

export interface RecordedRun {
  /** The command as people call it: `apply`, `images build`, `export`, … */
  readonly kind: string;
  /** Absent for what belongs to no lab. */
  readonly lab?: Lab;
  readonly interrupts: Pick<Interrupts, "graceful" | "hard">;
  /** Where the events go beside the record. */
  readonly events: EventSink;
}

/** What came of a run, as far as its record wants to know. */
export interface RecordedOutcome {
  readonly failures: readonly Diagnostic[];
  readonly interrupted: boolean;
  readonly counts?: RunCounts;
}

const MOST_FAILURES = 20;

/**
 * Does `work`, which tells what happens to the sink that it gets; the events must have no secret in them any more. The
 * record begins with the event `run-started` that announces at least one operation: without one nothing is kept.
 */
export async function recorded<T>(
  context: CommandContext,
  run: RecordedRun,
  work: (events: EventSink) => Promise<T>,
  outcomeOf: (result: T) => RecordedOutcome,
): Promise<T> {
  const { OperationRecorder } = await import("../engine/host/operations/recorder.ts");
  const { lab, interrupts } = run;
  const recorder = new OperationRecorder({
    effects: context.effects,
    home: context.home,
    about: {
      kind: run.kind,
      command: withoutValues(context.argv ?? []),
      ...(lab === undefined ? {} : { lab: { name: lab.name, folder: lab.folder } }),
    },
    alerts: lab === undefined ? DEFAULT_ALERTS : alertSettings(lab.document),
    ...(context.operation === undefined ? {} : { adopted: context.operation }),
    // What cannot be in the record: to the user, or to what a process in the background prints.
    note: (text) =>
      context.operation === undefined
        ? run.events({ type: "note", text })
        : context.terminal.error.write(`Note: ${text}\n`),
  });
  const gracefully = (): void => recorder.stopping("gracefully");
  const atOnce = (): void => recorder.stopping("at once");
  interrupts.graceful.addEventListener("abort", gracefully, { once: true });
  interrupts.hard.addEventListener("abort", atOnce, { once: true });
  try {
    const result = await work(recorder.events(run.events));
    await recorder.end(endOf(outcomeOf(result), interrupts));
    return result;
  } catch (error) {
    const failures = isDiagnosticsError(error) ? error.diagnostics : [unexpected(error)];
    await recorder.end(endOf({ failures, interrupted: interrupts.graceful.aborted }, interrupts));
    throw error;
  } finally {
    interrupts.graceful.removeEventListener("abort", gracefully);
    interrupts.hard.removeEventListener("abort", atOnce);
  }
}

function endOf(outcome: RecordedOutcome, interrupts: RecordedRun["interrupts"]): Omit<OperationEnd, "ended"> {
  const { failures, interrupted, counts } = outcome;
  const state = interrupted
    ? interrupts.hard.aborted
      ? "interrupted"
      : "cancelled"
    : failures.length > 0
      ? "failed"
      : "finished";
  return {
    state,
    exitCode: state === "finished" ? 0 : 1,
    failures: failures.slice(0, MOST_FAILURES),
    ...(counts === undefined ? {} : { counts }),
  };
}

function unexpected(error: unknown): Diagnostic {
  return problem({ code: "internal/bug", summary: errorText(error) });
}
