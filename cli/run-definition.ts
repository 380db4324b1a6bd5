/** Hands arguments to a commander definition and turns what commander says into vmlab's own way of saying it. */
import { type Command, CommanderError } from "commander";
import { DiagnosticsError, problem } from "../engine/diagnostics.ts";
import type { CommandContext } from "./context.ts";
import { defaultCommand } from "./define-command.ts";
import { helpWidth } from "./help-page.ts";

export async function runDefinition(
  definition: Command,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const { terminal } = context;
  let failing = definition;
  for (const command of family(definition)) {
    command
      .exitOverride((error) => {
        failing = command;
        throw error;
      })
      .allowExcessArguments(false)
      .showSuggestionAfterError(true)
      .configureOutput({
        writeOut: (text) => terminal.out.write(text),
        // Errors arrive as exceptions and are shown as diagnostics.
        writeErr: () => {},
        getOutHelpWidth: () => helpWidth(terminal.out.columns),
        getErrHelpWidth: () => 80,
        getOutHasColors: () => terminal.out.colour,
      });
  }
  // A group without a command below it: its help is the answer.
  if (definition.commands.length > 0 && args.length === 0 && defaultCommand(definition) === undefined) {
    definition.outputHelp();
    return 0;
  }
  try {
    await definition.parseAsync([...args], { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageError(error, failing);
  }
}

function family(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => family(child as Command))];
}

/** `error: unknown option '--foo'\n(Did you mean --force?)` as a diagnostic. */
function usageError(error: CommanderError, command: Command): DiagnosticsError {
  const [first = "", ...rest] = error.message.split("\n");
  const suggestion = /\((Did you mean .*\?)\)/.exec(rest.join(" "))?.[1];
  const help = `"${fullName(command)} --help" shows how it is used.`;
  return new DiagnosticsError([
    problem({
      code: "cli/usage",
      summary: first
        .replace(/^error: /, "")
        .replaceAll("'", '"')
        .replace(/\.$/, ""),
      hint: suggestion === undefined ? help : `${suggestion} ${help}`,
    }),
  ]);
}

/** `vmlab state show`. */
function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}
