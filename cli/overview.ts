/** What `vmlab` alone prints, and what it says to a command that it does not know. */
import { nearestName } from "../engine/config/nearest-name.ts";
import { DiagnosticsError, problem } from "../engine/diagnostics.ts";
import { COMMANDS, GROUPS } from "./command-table.ts";

export function helpText(version: string): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const groups = GROUPS.map((group) => {
    const entries = COMMANDS.filter((entry) => entry.group === group);
    return [`${group}:`, ...entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)].join(
      "\n",
    );
  });
  return `vmlab ${version}: virtual machine labs, declared in lab.toml

Usage: vmlab [-C DIR] COMMAND [OPTIONS]

${groups.join("\n\n")}

Begin with "vmlab init", then "vmlab plan" and "vmlab apply".
"vmlab COMMAND --help" tells more about a command, with examples.
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
