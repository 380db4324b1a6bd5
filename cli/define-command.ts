/** The shape that all commands share: options of every command, help with examples. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { CommandContext } from "./context.ts";
import { addVerbosity, EVERYWHERE, traceProgramsFor, type Verbosity, writeJsonErrors } from "./verbosity.ts";

/** A command module: `define` makes its commander definition, whose action sets the context's exit code. */
export interface CommandModule {
  define(context: CommandContext): Command;
}

export interface Example {
  readonly command: string;
  readonly text: string;
}

/** A command of vmlab by its full name below vmlab (`state list`). */
export function defineCommand(
  context: CommandContext,
  name: string,
  help: { readonly summary: string; readonly description?: string; readonly examples: readonly Example[] },
): Command {
  const command = new Command(`vmlab ${name}`)
    .summary(help.summary)
    .description(
      help.description === undefined ? `${help.summary}.` : `${help.summary}.\n\n${help.description}`,
    )
    .addOption(
      new Option("-C, --chdir <dir>", "folder of the lab (default: the current one)").helpGroup(EVERYWHERE),
    )
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", () => examplesText(help.examples))
    .hook("preAction", (_, action) => {
      const { chdir, verbose, logFormat } = action.opts<{ chdir?: string } & Verbosity>();
      if (chdir !== undefined) context.folder = resolve(context.terminal.cwd, chdir);
      if (logFormat === "json") writeJsonErrors(context);
      traceProgramsFor(context, verbose === true);
    });
  return addVerbosity(command);
}

/** Groups whose name alone is a command. */
export const commandGroups = new WeakSet<Command>();

/**
 * A command that only holds others. Without one of them it prints its help, or stands for the one that `alone` names
 * (`list`).
 */
export function defineGroup(
  name: string,
  summary: string,
  commands: readonly Command[],
  alone?: string,
): Command {
  const group = new Command(`vmlab ${name}`)
    .summary(summary)
    .description(`${summary}.`)
    .helpOption("-h, --help", "show this help");
  group.helpCommand(false);
  for (const command of commands) {
    command.name(command.name().slice(`vmlab ${name} `.length));
    group.addCommand(command, { isDefault: command.name() === alone });
  }
  if (alone !== undefined) commandGroups.add(group);
  return group;
}

/** Collects an option that may be given several times, or with commas. */
export function several(value: string, before: readonly string[] | undefined): string[] {
  return [
    ...(before ?? []),
    ...value
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ];
}

/** Collects an option that may be given several times, its value as it is. */
export function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function examplesText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(({ command }) => command.length));
  const lines = examples.map(({ command, text }) =>
    width > 44 ? `  ${command}\n      ${text}` : `  ${command.padEnd(width)}  ${text}`,
  );
  return `\nExamples:\n${lines.join("\n")}`;
}
