/** start, stop, restart, pause, resume and suspend: one shape. */
import type { Command } from "commander";
import type { PowerVerb } from "../engine/operate/decide-power.ts";
import { DEFAULT_PLAN_OPTIONS } from "../engine/plan/options.ts";
import { type CommandContext, colours } from "./context.ts";
import { defineCommand } from "./define-command.ts";
import type { CommandHelp } from "./help-page.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "./machine-selection.ts";
import { addVariableOptions, duration, positiveInteger } from "./plan-arguments.ts";
import { runPower } from "./power-run.ts";
import { nothingToDo, powerTable } from "./render/power-table.ts";
import { runReporter } from "./run-reporter.ts";
import type { GivenVariables } from "./workspace.ts";

export interface PowerCommandOptions extends SelectionArguments, GivenVariables {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly parallelism: number;
  readonly lockTimeout: number;
}

export function definePower(context: CommandContext, verb: PowerVerb, help: CommandHelp): Command {
  const command = addSelectionOptions(defineCommand(context, verb, help));
  if (verb === "stop" || verb === "restart")
    command.option("-f, --force", "stop at once, as if the power failed; saved memory is given up");
  return addVariableOptions(command)
    .option(
      "--parallelism <n>",
      "most operations at a time",
      positiveInteger,
      DEFAULT_PLAN_OPTIONS.parallelism,
    )
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print events as JSON, one a line")
    .action(async (names: string[], options: PowerCommandOptions) => {
      context.exitCode = await power(context, verb, names, options);
    });
}

export async function power(
  context: CommandContext,
  verb: PowerVerb,
  names: readonly string[],
  options: PowerCommandOptions,
): Promise<number> {
  const json = options.json === true;
  const { out } = context.terminal;
  const { outcomes, exitCode } = await runPower(context, runReporter(context, { json }), {
    verb,
    force: options.force === true,
    parallelism: options.parallelism,
    lockTimeoutMs: options.lockTimeout,
    given: options,
    json,
    choose: (state) => chosenVms(state, names, options),
  });
  if (json) return exitCode;
  if (outcomes.every(({ result }) => result === "already")) out.write(`${nothingToDo(verb, outcomes)}\n`);
  else if (outcomes.length > 1)
    out.write(`\n${powerTable(verb, outcomes, { palette: colours(out), width: out.columns }).join("\n")}\n`);
  return exitCode;
}
