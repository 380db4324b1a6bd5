/** What snapshot commands share: the lab's lock, one operation a VM in the events, and how they end. */
import type { CallContext } from "../../../providers/provider.ts";
import { type Diagnostic, isDiagnosticsError, problem } from "../../diagnostics.ts";
import type { OperationLabel } from "../../events.ts";
import { operationContext } from "../../operation-context.ts";
import { durationKey, expectedDuration, readDurations, recordDurations } from "../../plan/durations.ts";
import type { LockedStore } from "../../state/store.ts";
import type { ResourceState, State } from "../../state/types.ts";
import type { Workspace } from "../../workspace.ts";
import { requireMade } from "../require-made.ts";

export interface SnapshotCall {
  /** Names of VMs. */
  readonly vms: readonly string[];
  readonly command: string;
  readonly lockTimeoutMs: number;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

export type SnapshotOutcome =
  | { readonly state: "done" }
  /** Also when it was interrupted; the events have told it. */
  | { readonly state: "failed"; readonly diagnostics: readonly Diagnostic[] };

/** A VM that takes part. */
export interface Participant {
  readonly record: ResourceState;
  readonly instance: string;
  readonly context: CallContext;
}

/** One thing with all of the VMs, which succeeds or fails as a whole but for those that the work calls finished. */
export async function runTogether(
  workspace: Workspace,
  call: SnapshotCall & { readonly action: string; readonly interrupted: string },
  work: (
    participants: readonly Participant[],
    state: State,
    locked: LockedStore,
    finished: (record: ResourceState) => void,
  ) => Promise<void>,
): Promise<SnapshotOutcome> {
  const { events, effects, home } = workspace;
  const locked = await workspace.store.lock(call.command, {
    timeoutMs: call.lockTimeoutMs,
    events,
    signal: call.signal,
  });
  try {
    const state = await locked.read();
    const participants = call.vms.map((name) => participant(workspace, call, state, name));
    const key = durationOf(participants, call.action);
    const expected = expectedDuration(await readDurations(effects, home), key);
    const estimate = expected === undefined ? {} : { estimateMs: expected };
    const started = effects.clock.now();
    events({ type: "run-started", operations: participants.length, ...estimate });
    for (const { record } of participants)
      events({ type: "operation-started", operation: labelOf(record, call.action), ...estimate });
    const finished = new Set<string>();
    const outcome = await attempt(call, () =>
      work(participants, state as State, locked, ({ address }) => finished.add(address)),
    );
    const durationMs = effects.clock.now() - started;
    if (outcome.state === "done")
      await recordDurations(effects, home, new Map([[key, [durationMs]]])).catch(() => undefined);
    const failures = outcome.state === "failed" ? outcome.diagnostics : [];
    for (const { record } of participants) {
      const operation = labelOf(record, call.action);
      const own = failures.filter(({ address }) => address === undefined || address === record.address);
      if (outcome.state === "done" || finished.has(record.address))
        events({ type: "operation-finished", operation, durationMs });
      else if (own.length > 0) events({ type: "operation-failed", operation, durationMs, diagnostics: own });
      else events({ type: "operation-skipped", operation, because: `${failures[0]?.address} failed` });
    }
    const failed = outcome.state === "failed" ? participants.length - finished.size : 0;
    const counts = { created: 0, updated: participants.length - failed, replaced: 0, deleted: 0, skipped: 0 };
    events({ type: "run-finished", result: { ...counts, failed }, durationMs });
    return outcome;
  } finally {
    await locked.release();
  }
}

/** Together they take as long as the same ones took before, whatever each alone would. */
function durationOf(participants: readonly Participant[], action: string): string {
  const names = participants.map(({ record }) => record.name).sort();
  return durationKey(participants[0]?.record.provider ?? "", "vm", action, names.join(","));
}

function participant(
  { events }: Workspace,
  { action, signal }: SnapshotCall & { readonly action: string },
  state: State | undefined,
  name: string,
): Participant {
  const record = requireMade(state, name);
  const context = operationContext(events, labelOf(record, action), signal);
  return { record, instance: record.instance, context };
}

function labelOf({ address }: ResourceState, action: string): OperationLabel {
  return { id: `${address}:${action}`, address, step: action, action };
}

async function attempt(
  { signal, interrupted }: SnapshotCall & { readonly interrupted: string },
  work: () => Promise<void>,
): Promise<SnapshotOutcome> {
  try {
    await work();
    return { state: "done" };
  } catch (error) {
    if (isDiagnosticsError(error)) return { state: "failed", diagnostics: error.diagnostics };
    if (!signal.aborted) throw error;
    const summary = "it was interrupted";
    const hint = "Run the command again: it begins anew.";
    return {
      state: "failed",
      diagnostics: [problem({ code: "apply/interrupted", summary, detail: interrupted, hint })],
    };
  }
}
