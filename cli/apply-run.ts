/** From a workspace to a plan on the screen, and from a plan to what came of it: shared by all that change the lab. */
import type { ApplyOutcome } from "../engine/apply/options.ts";
import type { Diagnostic } from "../engine/diagnostics.ts";
import { DiagnosticsError } from "../engine/diagnostics.ts";
import type { EventSink, RunCounts } from "../engine/events.ts";
import type { PlanOutcome } from "../engine/plan/options.ts";
import { outputsDiffer } from "../engine/plan/outputs-differ.ts";
import type { Plan } from "../engine/plan/types.ts";
import type { State } from "../engine/state/types.ts";
import type { Workspace } from "../engine/workspace.ts";
import { type CommandContext, colours } from "./context.ts";
import { listenForInterrupts } from "./interrupt.ts";
import { renderPlan } from "./render/plan.ts";
import { explain } from "./render/reasons.ts";
import { renderSummary } from "./render/summary.ts";
import type { RunReporter } from "./run-reporter.ts";
import { showDiagnostics } from "./show-diagnostics.ts";
import { keepSshConfig } from "./ssh-config-kept.ts";
import { trashKept } from "./trash-kept.ts";
import { sensitiveVariables } from "./workspace.ts";

/** Makes a plan with `make`, which a Ctrl-C ends. Warnings are shown; errors are thrown. */
export async function planned(
  context: CommandContext,
  reporter: RunReporter,
  make: (signal: AbortSignal) => Promise<PlanOutcome>,
): Promise<Plan> {
  const interrupts = listenForInterrupts(context.terminal, () => {});
  try {
    const { plan, diagnostics } = await make(interrupts.graceful);
    if (plan === undefined) throw new DiagnosticsError(diagnostics);
    await showDiagnostics(diagnostics, context);
    reporter.widen(plan.changes.map((change) => change.address));
    return plan;
  } finally {
    interrupts.release();
  }
}

/** Prints the plan for a person. */
export async function showPlan(
  context: CommandContext,
  plan: Plan,
  options: { readonly details?: boolean; readonly why?: string },
): Promise<void> {
  const { out } = context.terminal;
  if (options.why !== undefined) {
    out.write(`${explain(plan, options.why).join("\n")}\n`);
    return;
  }
  const kept = await trashKept(context);
  out.write(
    renderPlan(plan, {
      palette: colours(out),
      width: out.columns,
      details: options.details === true,
      ...(kept === undefined ? {} : { trashKept: kept }),
    }),
  );
}

/** True when applying the plan would do anything at all. */
export function changesAnything(plan: Plan, state: State | undefined): boolean {
  return (
    plan.operations.length > 0 ||
    plan.observations.length > 0 ||
    outputsDiffer(plan, state) ||
    leavesNothing(plan, state)
  );
}

/** A destroy also ends a lab whose resources are gone already: its state, its key, its share of the host. */
function leavesNothing(plan: Plan, state: State | undefined): boolean {
  return plan.mode === "destroy" && state !== undefined && Object.keys(state.resources).length === 0;
}

export interface ApplyRequest {
  readonly command: string;
  readonly parallelism: number;
  readonly lockTimeoutMs: number;
}

/** Over in the time that anybody would need to look them up. */
const BRIEF: ReadonlySet<string> = new Set(["start", "stop", "restart", "pause", "resume", "suspend"]);

/** Applies with interrupts listened to and events shown. */
export async function applied(
  context: CommandContext,
  reporter: RunReporter,
  workspace: Workspace,
  plan: Plan,
  request: ApplyRequest,
): Promise<ApplyOutcome> {
  const [{ applyPlan }, { recorded }] = await Promise.all([
    import("../engine/apply/apply-plan.ts"),
    import("./operation-recorder.ts"),
  ]);
  const interrupts = listenForInterrupts(context.terminal, reporter.say, {
    ...(context.operation === undefined ? {} : { hangUp: "ignore" }),
  });
  const apply = (events: EventSink): Promise<ApplyOutcome> =>
    applyPlan({ ...workspace, events }, plan, {
      ...request,
      graceful: interrupts.graceful,
      hard: interrupts.hard,
      sensitiveVariables: sensitiveVariables(workspace.lab),
    });
  await reporter.open();
  try {
    if (BRIEF.has(request.command)) return await apply(workspace.events);
    const run = { kind: request.command, lab: workspace.lab, interrupts, events: workspace.events };
    return await recorded(context, run, apply, ({ failures, checks, ...outcome }) => ({
      ...outcome,
      failures: [
        ...failures.flatMap(({ diagnostics }) => diagnostics),
        ...checks.filter(({ severity }) => severity === "error"),
      ],
    }));
  } finally {
    reporter.close();
    interrupts.release();
    await keepSshConfig(context, workspace, plan.lineage);
  }
}

/** Prints what came of it and gives the exit code. */
export function summarise(
  context: CommandContext,
  outcome: ApplyOutcome,
  plan: Plan,
  about: { readonly verb: string; readonly durationMs: number },
): number {
  const { out } = context.terminal;
  const made = plan.changes
    .filter(({ action }) => action === "create" || action === "replace")
    .map(({ address }) => address);
  out.write(renderSummary(outcome, { ...about, made, palette: colours(out) }));
  return exitCodeOf(outcome);
}

/** How an apply without anything to do ends. */
export const NOTHING_DONE: RunCounts = {
  ...{ created: 0, updated: 0, replaced: 0, deleted: 0, failed: 0, skipped: 0 },
};

export function exitCodeOf(outcome: ApplyOutcome): number {
  return outcome.failures.length > 0 || outcome.interrupted || hasErrors(outcome.checks) ? 1 : 0;
}

/** Finishes or undoes what a crash left, so that the plan is made against what really is. */
export async function recoverFirst(
  context: CommandContext,
  reporter: RunReporter,
  workspace: Workspace,
  request: { readonly command: string; readonly lockTimeoutMs: number },
): Promise<void> {
  const { recoverPending } = await import("../engine/apply/apply-plan.ts");
  const interrupts = listenForInterrupts(context.terminal, reporter.say);
  try {
    await recoverPending(workspace, { ...request, graceful: interrupts.graceful });
  } finally {
    interrupts.release();
  }
}

/** Errors among diagnostics. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === "error");
}
