import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "restart", {
    summary: "Restart VMs",
    description: "Stops and starts VMs, and waits until they are ready.",
    examples: [
      { command: "vmlab restart web", text: "one VM" },
      { command: "vmlab restart --role docker", text: "all with a role" },
      { command: "vmlab restart web --force", text: "when it does not react any more" },
    ],
    related: ["start", "stop", "wait"],
  });
}
