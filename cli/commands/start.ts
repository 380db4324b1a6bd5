import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "start", {
    summary: "Start VMs",
    description: 'Starts stopped VMs and waits until they are ready. Clears what "vmlab stop" remembered.',
    examples: [
      { command: "vmlab start web", text: "one VM" },
      { command: "vmlab start 'k8s-*' db", text: "several, by glob" },
      { command: "vmlab start --env k8s", text: "an environment" },
      { command: "vmlab start --all", text: "all of the lab" },
    ],
  });
}
