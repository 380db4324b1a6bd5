import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "resume", {
    summary: "Let paused and suspended VMs go on",
    description:
      "They go on where they were, with their clocks set to the host's. A suspended VM is loaded from the disk and waited " +
      'for until it is ready. "vmlab start" does the same, and starts VMs that are off as well.',
    examples: [
      { command: "vmlab resume web", text: "one VM" },
      { command: "vmlab resume --all", text: "all of the lab" },
    ],
  });
}
