/** The shape that all commands share: options of every command, help with examples. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { CommandContext } from "./context.ts";
import { type CommandHelp, helpSections, layOut, OPTION_GROUPS } from "./help-page.ts";
import { addVerbosity, traceProgramsFor, type Verbosity, writeJsonErrors } from "./verbosity.ts";

/** A command module: `define` makes its commander definition, whose action sets the context's exit code. */
export interface CommandModule {
  define(context: CommandContext): Command;
}

/** A command of vmlab by its full name below vmlab (`state list`). */
export function defineCommand(context: CommandContext, name: string, help: CommandHelp): Command {
  const command = new Command(`vmlab ${name}`)
    .summary(help.summary)
    .description(
      help.description === undefined ? `${help.summary}.` : `${help.summary}.\n\n${help.description}`,
    )
    .addOption(
      new Option("-C, --chdir <dir>", "folder of the lab (default: the current one)").helpGroup(
        OPTION_GROUPS.every,
      ),
    )
    .addHelpOption(helpOption())
    .addHelpText("after", () => helpSections(help, context))
    .hook("preAction", (_, action) => {
      context.log.understood();
      const { chdir, verbose, logFormat } = action.opts<{ chdir?: string } & Verbosity>();
      if (chdir !== undefined) context.folder = resolve(context.terminal.cwd, chdir);
      if (logFormat === "json") writeJsonErrors(context);
      traceProgramsFor(context, verbose === true);
    });
  addVerbosity(command);
  layOut(command, context);
  helps.set(command, help);
  return command;
}

function helpOption(): Option {
  return new Option("-h, --help", "show this help").helpGroup(OPTION_GROUPS.every);
}

const helps = new WeakMap<Command, CommandHelp>();

/** What a command was defined with; groups have none. */
export function helpOf(command: Command): CommandHelp | undefined {
  return helps.get(command);
}

const defaults = new WeakMap<Command, Command>();

/** The command that a group's name alone stands for. */
export function defaultCommand(group: Command): Command | undefined {
  return defaults.get(group);
}

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
    .description(
      alone === undefined ? `${summary}.` : `${summary}. "vmlab ${name}" alone is "vmlab ${name} ${alone}".`,
    )
    .addHelpOption(helpOption().hideHelp())
    .addHelpText("after", `\n"vmlab ${name} COMMAND --help" tells more about one of them, with examples.`);
  group.helpCommand(false);
  // Laid out as its commands are.
  group.configureHelp(commands[0]?.configureHelp() ?? {});
  for (const command of commands) {
    command.name(command.name().slice(`vmlab ${name} `.length));
    const isDefault = command.name() === alone;
    group.addCommand(command, { isDefault });
    if (isDefault) defaults.set(group, command);
  }
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
