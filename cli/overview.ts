/** What `vmlab` alone prints, and what it says to a command that it does not know. */
import { nearestName } from "../engine/config/nearest-name.ts";
import { DiagnosticsError, problem } from "../engine/diagnostics.ts";
import { COMMANDS, GROUPS } from "./command-table.ts";
import { TOPICS } from "./help-topics.ts";
import type { Paint } from "./palette.ts";
import { LOG_FORMATS } from "./verbosity.ts";

export interface GlobalOption {
  readonly long: string;
  readonly flags: string;
  readonly text: string;
  /** What its value has to be one of. */
  readonly choices?: readonly string[];
}

/** What stands before a command's name. */
export const GLOBAL_OPTIONS: readonly GlobalOption[] = [
  { long: "--chdir", flags: "-C, --chdir DIR", text: "Folder of the lab (default: the current one)" },
  { long: "--verbose", flags: "-v, --verbose", text: "Tell the programs that are run" },
  {
    long: "--log-format",
    flags: "--log-format FORMAT",
    text: "Standard error as text or json",
    choices: LOG_FORMATS,
  },
  { long: "--version", flags: "-V, --version", text: "Print the version" },
  { long: "--help", flags: "-h, --help", text: "Show this help" },
];

export function helpText(version: string, strong: Paint): string {
  const width = Math.max(
    ...[...COMMANDS, ...TOPICS].map(({ name }) => name.length),
    ...GLOBAL_OPTIONS.map(({ flags }) => flags.length),
  );
  const section = (title: string, rows: readonly (readonly [string, string])[]) =>
    [strong(`${title}:`), ...rows.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`)].join("\n");
  const groups = GROUPS.map((group) =>
    section(
      group,
      COMMANDS.filter((entry) => entry.group === group).map(({ name, summary }) => [name, summary]),
    ),
  );
  return `vmlab ${version}: virtual machine labs, declared in lab.toml

${strong("Usage:")} vmlab [OPTIONS] COMMAND [ARGUMENTS]

${groups.join("\n\n")}

${section(
  "Options",
  GLOBAL_OPTIONS.map(({ flags, text }) => [flags, text]),
)}

${section(
  "Help on",
  TOPICS.map(({ name, summary }) => [name, summary]),
)}

Begin with "vmlab init", then "vmlab plan" and "vmlab apply".
"vmlab help COMMAND" (or TOPIC) tells more, with examples.
`;
}

/** The error for a word that is no command, with the nearest that is. */
export function unknownCommand(word: string): DiagnosticsError {
  const option = word.startsWith("-");
  const names = COMMANDS.flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]);
  const nearest = option ? undefined : nearestName(word, names);
  return new DiagnosticsError([
    problem({
      code: "cli/unknown-command",
      summary: option ? `unknown option "${word}"` : `unknown command "${word}"`,
      hint:
        nearest !== undefined
          ? `Did you mean "vmlab ${nearest}"?`
          : option
            ? `Options follow the command: "vmlab COMMAND ${word}". "vmlab --help" lists the commands.`
            : `"vmlab --help" lists the commands.`,
    }),
  ]);
}
