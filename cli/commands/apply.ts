import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { readSavedPlan } from "../../engine/plan/saved-plan.ts";
import type { Plan } from "../../engine/plan/types.ts";
import type { Workspace } from "../../engine/workspace.ts";
import {
  applied,
  changesAnything,
  exitCodeOf,
  NOTHING_DONE,
  planned,
  recoverFirst,
  showPlan,
  summarise,
} from "../apply-run.ts";
import { confirm, requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addPlanOptions, type PlanArguments, planOptions } from "../plan-arguments.ts";
import { quietReporter, type RunReporter, runReporter } from "../run-reporter.ts";
import { openWorkspace } from "../workspace.ts";

export interface ApplyCommandOptions extends PlanArguments {
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
  readonly detach?: boolean;
  /** The operation that this process carries out in the background. */
  readonly operation?: string;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "apply", {
    summary: "Make the lab what lab.toml says",
    description:
      'Shows the plan, asks, and carries it out. With PLANFILE it carries out a plan saved by "vmlab plan -o", without ' +
      "asking, and refuses it when lab.toml, a file it names or the state changed since.\n\n" +
      "Ctrl-C once: nothing new starts, what runs is finished or rolled back. Twice: at once; the next apply recovers.",
    examples: [
      { command: "vmlab apply", text: "plan, ask, apply" },
      { command: "vmlab apply --yes", text: "without a question" },
      { command: "vmlab apply lab.plan", text: "a saved plan" },
      { command: "vmlab apply --detach", text: 'go on in the background; "vmlab ops" shows how far it is' },
      { command: "vmlab apply --replace vm.web", text: "a new vm.web" },
      { command: "vmlab apply --json --yes", text: "events for programs" },
    ],
    related: ["plan", "destroy", "ops", "state history"],
  });
  command.argument("[planfile]", 'a plan saved by "vmlab plan -o"');
  return addPlanOptions(command, "apply")
    .option("-d, --detach", "carry the plan out in the background, also when the terminal closes")
    .addOption(new Option("--operation <id>", "be the process in the background").hideHelp())
    .action(async (planfile: string | undefined, options: ApplyCommandOptions) => {
      const { operation } = options;
      if (planfile === undefined) context.exitCode = await apply(context, options);
      else if (operation === undefined) context.exitCode = await applySaved(context, planfile, options);
      else {
        const { asOperation } = await import("../detach.ts");
        context.exitCode = await asOperation(context, operation, (own) => applySaved(own, planfile, options));
      }
    });
}

async function apply(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  const wanted = planOptions(options);
  requireYesForJson(options);
  const reporter = runReporter(context, { json: options.json === true });
  const workspace = await openWorkspace(context, options, reporter.events);
  await recoverFirst(context, reporter, workspace, { command: "apply", lockTimeoutMs: options.lockTimeout });
  const plan = await planned(context, reporter, (signal) => makePlan(workspace, wanted, signal));
  return await carryOut(context, reporter, workspace, plan, {
    ...options,
    verb: "apply",
    question: "Apply these changes?",
  });
}

async function applySaved(
  context: CommandContext,
  planfile: string,
  options: ApplyCommandOptions,
): Promise<number> {
  const clash = (["target", "exclude", "env", "replace", "refreshOnly", "upgrade", "why"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (clash !== undefined) {
    fail({
      code: "cli/usage",
      summary: `--${clash.replace("O", "-o")} cannot be used with a saved plan`,
      hint: "A saved plan is carried out as it is. Make a new one with the options.",
    });
  }
  const reporter =
    context.operation === undefined
      ? runReporter(context, { json: options.json === true })
      : quietReporter(context);
  const workspace = await openWorkspace(context, options, reporter.events);
  const plan = await readSavedPlan(workspace, resolve(context.terminal.cwd, planfile));
  reporter.widen(plan.changes.map((change) => change.address));
  const verb = context.operation?.kind ?? "apply";
  return await finish(context, reporter, workspace, plan, { ...options, verb });
}

/** Shows a plan, asks, applies. */
export async function carryOut(
  context: CommandContext,
  reporter: RunReporter,
  workspace: Workspace,
  plan: Plan,
  options: ApplyCommandOptions & { readonly verb: string; readonly question: string },
): Promise<number> {
  if (options.json !== true)
    await showPlan(context, plan, { ...(options.details === true && { details: true }) });
  if (options.why !== undefined && options.json !== true) {
    context.terminal.out.write("\n");
    await showPlan(context, plan, { why: options.why });
  }
  const state = await workspace.store.read();
  if (!changesAnything(plan, state)) {
    if (options.json === true) reporter.events({ type: "run-finished", result: NOTHING_DONE, durationMs: 0 });
    return 0;
  }
  const yes = options.yes === true || options.autoApprove === true;
  if (plan.operations.length > 0) {
    if (options.json !== true) context.terminal.out.write("\n");
    if (!(await confirm(context, options.question, { yes, what: options.verb, shown: "the plan" }))) return 1;
  }
  return await finish(context, reporter, workspace, plan, options);
}

async function finish(
  context: CommandContext,
  reporter: RunReporter,
  workspace: Workspace,
  plan: Plan,
  options: ApplyCommandOptions & { readonly verb: string },
): Promise<number> {
  if (options.detach === true && plan.operations.length > 0) {
    const { detach } = await import("../detach.ts");
    return await detach(context, {
      kind: options.verb,
      lab: workspace.lab,
      plan,
      given: options,
      parallelism: options.parallelism,
      lockTimeoutMs: options.lockTimeout,
      json: options.json === true,
    });
  }
  const { clock } = context.effects;
  const begun = clock.now();
  const outcome = await applied(context, reporter, workspace, plan, {
    command: options.verb,
    parallelism: options.parallelism,
    lockTimeoutMs: options.lockTimeout,
  });
  if (options.json === true) return exitCodeOf(outcome);
  if (plan.operations.length === 0) {
    const cleared = plan.mode === "destroy" && outcome.state === undefined;
    context.terminal.out.write(
      cleared ? "The lab's empty state was removed.\n" : "The state is up to date.\n",
    );
    return exitCodeOf(outcome);
  }
  return summarise(context, outcome, plan, { verb: options.verb, durationMs: clock.now() - begun });
}
