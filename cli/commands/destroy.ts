import type { Command } from "commander";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { planned, recoverFirst } from "../apply-run.ts";
import { requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addPlanOptions, planOptions } from "../plan-arguments.ts";
import { runReporter } from "../run-reporter.ts";
import { openWorkspace } from "../workspace.ts";
import { type ApplyCommandOptions, carryOut } from "./apply.ts";

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "destroy", {
    summary: "Delete what the lab has made",
    description:
      'Shows what would be deleted, asks, and deletes it, dependents first. Disks go to the trash ("vmlab trash"). ' +
      "Images stay in the store, which other labs use too. lab.toml is not touched.",
    examples: [
      { command: "vmlab destroy", text: "everything, after a question" },
      { command: "vmlab destroy --target vm.web", text: "one VM and what depends on it" },
      { command: "vmlab destroy --env k8s --yes", text: "an environment, without a question" },
    ],
    related: ["plan", "delete", "trash"],
  });
  return addPlanOptions(command, "destroy").action(async (options: ApplyCommandOptions) => {
    context.exitCode = await destroy(context, options);
  });
}

async function destroy(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  requireYesForJson(options);
  const wanted = planOptions(options, "destroy");
  const reporter = runReporter(context, { json: options.json === true });
  const workspace = await openWorkspace(context, options, reporter.events);
  await recoverFirst(context, reporter, workspace, {
    command: "destroy",
    lockTimeoutMs: options.lockTimeout,
  });
  const plan = await planned(context, reporter, (signal) => makePlan(workspace, wanted, signal));
  return await carryOut(context, reporter, workspace, plan, {
    ...options,
    verb: "destroy",
    question: "Delete all of this?",
  });
}
