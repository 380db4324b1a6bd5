/** Commands that edit lab.toml: validate and plan the edited text, ask, write it, apply. */
import { DiagnosticsError, isDiagnosticsError } from "../engine/diagnostics.ts";
import { makePlan } from "../engine/plan/make-plan.ts";
import type { PlanOptions } from "../engine/plan/options.ts";
import type { Plan } from "../engine/plan/types.ts";
import type { Workspace } from "../engine/workspace.ts";
import {
  applied,
  exitCodeOf,
  hasErrors,
  NOTHING_DONE,
  planned,
  recoverFirst,
  showPlan,
  summarise,
} from "./apply-run.ts";
import { confirm } from "./confirm.ts";
import type { CommandContext } from "./context.ts";
import { type FileEdit, withEdits, writeEdits } from "./edited-files.ts";
import { expandHere } from "./expand-recorded.ts";
import { type RunReporter, runReporter } from "./run-reporter.ts";
import { showDiagnostics } from "./show-diagnostics.ts";
import { type GivenVariables, LAB_FILE, openWorkspace, workspaceOf } from "./workspace.ts";

export interface EditedApply {
  readonly edits: readonly FileEdit[];
  readonly given: GivenVariables;
  /** Undefined: no machine is concerned, only the edit is written. */
  readonly plan: PlanOptions | undefined;
  readonly command: string;
  readonly question: string;
  readonly yes: boolean;
  readonly lockTimeoutMs: number;
  readonly details: boolean;
  /** Events in place of texts; the user has agreed before. */
  readonly json: boolean;
  /** Said when the edit is in place and the apply failed. */
  readonly afterFailure: string;
}

export async function applyEdited(context: CommandContext, request: EditedApply): Promise<number> {
  const { effects, terminal } = context;
  const { json, yes, command, question } = request;
  const reporter = runReporter(context, { json });
  const agreed = (shown: { readonly shown?: string } = {}): Promise<boolean> =>
    confirm(context, question, { yes, json, what: command, ...shown });
  if (request.plan !== undefined) {
    const present = await openWorkspace(context, request.given, reporter.events);
    await recoverFirst(context, reporter, present, request);
  }
  const edited = await plannedEdit(context, reporter, request);
  if (edited === undefined) return 1;
  const { workspace, plan } = edited;
  if (plan === undefined || request.plan === undefined) {
    if (!(await agreed())) return 1;
    await writeEdits(effects, request.edits);
    if (json) reporter.events({ type: "run-finished", result: NOTHING_DONE, durationMs: 0 });
    else terminal.out.write(`${LAB_FILE} is changed. There was no VM to delete.\n`);
    return 0;
  }
  if (!json) {
    await showPlan(context, plan, { details: request.details });
    terminal.out.write("\n");
  }
  if (!(await agreed({ shown: "the plan" }))) return 1;
  await writeEdits(effects, request.edits);
  const written = await workspaceOf(context, workspace.lab, reporter.events);
  const begun = effects.clock.now();
  let code = 1;
  try {
    const { parallelism } = request.plan;
    const outcome = await applied(context, reporter, written, plan, { ...request, parallelism });
    code = json
      ? exitCodeOf(outcome)
      : summarise(context, outcome, plan, { verb: command, durationMs: effects.clock.now() - begun });
  } finally {
    if (code !== 0) terminal.error.write(`${request.afterFailure}\n`);
  }
  return code;
}

/** The lab as edited, with its plan. Its problems are shown with the lines of the edited text, which no disk has yet. */
async function plannedEdit(
  context: CommandContext,
  reporter: RunReporter,
  request: EditedApply,
): Promise<{ workspace: Workspace; plan: Plan | undefined } | undefined> {
  const edited: CommandContext = { ...context, effects: withEdits(context.effects, request.edits) };
  try {
    const workspace = await openWorkspace(edited, request.given, reporter.events);
    const { diagnostics } = await expandHere(edited, workspace.lab);
    if (hasErrors(diagnostics)) throw new DiagnosticsError(diagnostics);
    const { plan: options } = request;
    if (options === undefined) return { workspace, plan: undefined };
    return {
      workspace,
      plan: await planned(edited, reporter, (signal) => makePlan(workspace, options, signal)),
    };
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    await showDiagnostics(error.diagnostics, edited);
    context.terminal.error.write("\nNothing was written.\n");
    return undefined;
  }
}
