import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
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
  const command = defineCommand(context, "import", {
    summary: "Take a machine that no lab owns into this one",
    description:
      "The machine with the instance id ID becomes the VM ADDRESS, which lab.toml declares. Shows the plan, asks, and " +
      "brings the machine to what is declared, as far as that can be done without making it anew. What was provisioned " +
      "counts as done. [[imports]] in lab.toml does the same for a later apply.",
    examples: [
      { command: "vmlab import vm.web 4f1a09c27be3", text: "a machine that was forgotten before" },
      { command: "vmlab doctor", text: "lists machines of this lab that its state does not know" },
    ],
    related: ["doctor", "state rm", "apply"],
  })
    .argument("<address>", "the VM that it becomes, such as vm.web")
    .argument("<id>", "the machine's instance id, 12 hexadecimal digits");
  return addPlanOptions(command, "apply").action(
    async (address: string, id: string, options: ApplyCommandOptions) => {
      context.exitCode = await importMachine(context, address, id, options);
    },
  );
}

async function importMachine(
  context: CommandContext,
  address: string,
  id: string,
  options: ApplyCommandOptions,
): Promise<number> {
  requireYesForJson(options);
  if (!/^[0-9a-f]{12}$/.test(id)) {
    fail({
      code: "cli/usage",
      summary: `"${id}" is no instance id`,
      hint: "An instance id is 12 hexadecimal digits. `vmlab doctor` and `vmlab state show ADDRESS` tell them.",
    });
  }
  const reporter = runReporter(context, { json: options.json === true });
  const workspace = await openWorkspace(context, options, reporter.events);
  const { lockTimeout: lockTimeoutMs } = options;
  await recoverFirst(context, reporter, workspace, { command: "import", lockTimeoutMs });
  const asked = planOptions({ ...options, target: [...(options.target ?? []), address] });
  const wanted = { ...asked, imports: [{ to: address, id }] };
  const plan = await planned(context, reporter, (signal) => makePlan(workspace, wanted, signal));
  return await carryOut(context, reporter, workspace, plan, {
    ...options,
    verb: "import",
    question: "Import it?",
  });
}
