import type { Command } from "commander";
import { evaluateExpression } from "../../engine/config/evaluate-expression.ts";
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import { hasErrors } from "../apply-run.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandRecorded } from "../expand-recorded.ts";
import { addVariableOptions } from "../plan-arguments.ts";
import { valueText } from "../render/outputs.ts";
import { type GivenVariables, openLab, openStore } from "../workspace.ts";

interface EvalOptions extends GivenVariables {
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "eval", {
    summary: "Evaluate an expression",
    description:
      "A CEL expression as it stands in ${...} in lab.toml, with the lab's variables and VMs as declared and recorded. " +
      "A value that comes from a secret is masked.",
    examples: [
      { command: "vmlab eval 'vms.web.memory / MiB'", text: "what a VM has" },
      { command: "vmlab eval 'vms.filter(n, vms[n].cpus > 1)'", text: "a list of names" },
      { command: "vmlab eval 'vars.workers + 1' --var workers=4", text: "with another value of a variable" },
    ],
    related: ["output", "validate"],
  })
    .argument("<expression>", "the expression, quoted for the shell")
    .option("--json", "print JSON on one line");
  return addVariableOptions(command).action(async (expression: string, options: EvalOptions) => {
    const lab = await openLab(context, options);
    const state = await (await openStore(context)).read();
    const liveAttributes = (address: string) => state?.resources[address]?.attributes;
    const expansion = expandRecorded(lab, state);
    if (hasErrors(expansion.diagnostics)) throw new DiagnosticsError(expansion.diagnostics);
    const bare = /^\$\{(.*)\}$/s.exec(expression.trim())?.[1] ?? expression;
    const { value, sensitive } = await evaluateExpression(lab, expansion, bare, liveAttributes);
    const text = sensitive ? "(sensitive)" : options.json === true ? JSON.stringify(value) : valueText(value);
    context.terminal.out.write(`${text}\n`);
  });
}
