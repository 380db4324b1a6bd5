import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "pause", {
    summary: "Make VMs stand still",
    description:
      "The guest stops between two instructions: it takes no CPU time, keeps its memory, and answers nobody. The VM stays " +
      'so, and plan only notes it, until "vmlab resume".',
    examples: [
      { command: "vmlab pause web", text: "one VM" },
      { command: "vmlab pause --env k8s", text: "an environment" },
    ],
  });
}
