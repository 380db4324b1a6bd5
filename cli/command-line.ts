/** What stands before a command's name and behind `--`, which no command's definition knows. */
import { unknownCommand } from "./overview.ts";

export interface CommandLine {
  readonly words: readonly string[];
  readonly guestCommand: readonly string[] | undefined;
  readonly chdir?: string;
  readonly help: boolean;
  readonly version: boolean;
  readonly problem?: () => Error;
}

/** Takes off what stands before the command's name, and what stands behind `--`. */
export function splitCommandLine(argv: readonly string[]): CommandLine {
  const dashes = argv.indexOf("--");
  const words = dashes < 0 ? [...argv] : argv.slice(0, dashes);
  const guestCommand = dashes < 0 ? undefined : argv.slice(dashes + 1);
  let chdir: string | undefined;
  let help = false;
  let versionAsked = false;
  const everywhere: string[] = [];
  let problem: (() => Error) | undefined;
  while (words[0]?.startsWith("-")) {
    const option = words.shift() ?? "";
    if (option === "-C" || option === "--chdir") chdir = words.shift();
    else if (option.startsWith("--chdir=")) chdir = option.slice("--chdir=".length);
    else if (option.startsWith("-C")) chdir = option.slice(2);
    else if (option === "-h" || option === "--help") help = true;
    else if (option === "-v" || option === "--verbose" || option.startsWith("--log-format="))
      everywhere.push(option);
    else if (option === "--log-format") everywhere.push(option, words.shift() ?? "");
    else if (option === "-V" || option === "--version") versionAsked = true;
    else problem ??= () => unknownCommand(option);
  }
  return {
    // Each command takes them, also one below a group.
    words: words.length === 0 ? words : [...words, ...everywhere],
    guestCommand,
    ...(chdir === undefined ? {} : { chdir }),
    help,
    version: versionAsked,
    ...(problem === undefined ? {} : { problem }),
  };
}
