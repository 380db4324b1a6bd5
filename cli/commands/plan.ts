import { resolve } from "node:path";
import type { Command } from "commander";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { writeSavedPlan } from "../../engine/plan/saved-plan.ts";
import { changesAnything, planned, showPlan } from "../apply-run.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addPlanOptions, type PlanArguments, planOptions } from "../plan-arguments.ts";
import { runReporter } from "../run-reporter.ts";
import { openWorkspace } from "../workspace.ts";

interface PlanCommandOptions extends PlanArguments {
  readonly out?: string;
  readonly detailedExitcode?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "plan", {
    summary: "Show what apply would do",
    description:
      "Compares lab.toml with the state and with what really exists, and lists what would change in the order in which " +
      "it would happen, with the cause and the line of lab.toml. Nothing is changed, no lock is taken.",
    examples: [
      { command: "vmlab plan", text: "what would change" },
      { command: "vmlab plan -o lab.plan", text: 'save it, for "vmlab apply lab.plan"' },
      { command: "vmlab plan --target vm.web --details", text: "one VM, with its attributes" },
      { command: "vmlab plan --why vm.web", text: "why vm.web changes" },
      { command: "vmlab plan --json | jq .resource_changes", text: "for programs" },
    ],
    exitCodes: [
      ["0", "no error"],
      ["1", "an error"],
      ["2", "changes, with --detailed-exitcode"],
    ],
    related: ["apply", "show", "destroy"],
  });
  return addPlanOptions(command, "plan")
    .option("-o, --out <file>", "save the plan to a file")
    .option("--detailed-exitcode", "exit with 2 when there are changes")
    .action(async (options: PlanCommandOptions) => {
      context.exitCode = await plan(context, options);
    });
}

async function plan(context: CommandContext, options: PlanCommandOptions): Promise<number> {
  const { out } = context.terminal;
  const wanted = planOptions(options);
  const reporter = runReporter(context, { json: false });
  // Notes of a plan's refresh would stand in the middle of JSON.
  const workspace = await openWorkspace(context, options, options.json === true ? () => {} : reporter.events);
  const made = await planned(context, reporter, (signal) => makePlan(workspace, wanted, signal));
  if (options.json === true) {
    const { terraformPlanJson } = await import("../../engine/plan/terraform-json.ts");
    out.write(`${JSON.stringify(terraformPlanJson(made, await workspace.store.read()), null, 2)}\n`);
  } else await showPlan(context, made, options);
  if (options.out !== undefined) {
    await writeSavedPlan(context.effects, resolve(context.terminal.cwd, options.out), made);
    if (options.json !== true) out.write(`\nSaved. To do exactly this: vmlab apply ${options.out}\n`);
  }
  if (options.detailedExitcode !== true) return 0;
  return changesAnything(made, await workspace.store.read()) ? 2 : 0;
}
