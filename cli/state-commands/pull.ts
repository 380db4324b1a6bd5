import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireState } from "../state-access.ts";
import { openStore } from "../workspace.ts";

export function definePull(context: CommandContext): Command {
  return defineCommand(context, "state pull", {
    summary: "Print the whole state as JSON",
    description:
      "With the journal folded in and with secrets in clear: keep what you save of it to yourself.",
    examples: [
      { command: "(umask 077; vmlab state pull > backup.json)", text: "a copy that only you can read" },
    ],
  }).action(async () => {
    const state = await requireState(await openStore(context));
    context.terminal.out.write(`${JSON.stringify(state, null, 2)}\n`);
  });
}
