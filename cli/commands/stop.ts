import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "stop", {
    summary: "Stop VMs",
    description:
      "Presses the power button, waits (timeouts.stop), then stops harder. The VM stays stopped: plan notes it and " +
      'changes nothing until "vmlab start".',
    examples: [
      { command: "vmlab stop web", text: "one VM" },
      { command: "vmlab stop --label tier=front", text: "all with a label" },
      { command: "vmlab stop --all --force", text: "all, at once, without a clean shutdown" },
    ],
    related: ["start", "restart", "list"],
  });
}
