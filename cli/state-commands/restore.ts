import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { openStore } from "../workspace.ts";

export function defineRestore(context: CommandContext): Command {
  return defineCommand(context, "state restore", {
    summary: "Go back to an older state",
    description:
      'Replaces what is recorded, not the machines: "vmlab plan" afterwards shows how what exists differs. The present ' +
      "state goes to the history. Works when the present state cannot be read.",
    examples: [{ command: "vmlab state restore 41", text: 'a number that "vmlab state history" lists' }],
  })
    .argument("<serial>", "number of the state, with or without #")
    .option("-y, --yes", "do not ask")
    .action(async (text: string, options: { yes?: boolean }) => {
      const serial = Number(text.replace(/^#/, ""));
      if (!Number.isSafeInteger(serial))
        fail({ code: "cli/usage", summary: `"${text}" is not the number of a state` });
      const store = await openStore(context);
      const old = await store.readHistory(serial);
      const count = Object.keys(old.resources).length;
      const question = `Replace the state with #${serial} (${count} ${count === 1 ? "resource" : "resources"})?`;
      if (!(await confirm(context, question, { yes: options.yes === true, what: "state restore" }))) {
        context.exitCode = 1;
        return;
      }
      const locked = await store.lock("state restore", { timeoutMs: 0 });
      try {
        const { serial: now } = await locked.replace(old);
        context.terminal.out.write(
          `State #${serial} is the present one again, as #${now}. "vmlab plan" shows what differs.\n`,
        );
      } finally {
        await locked.release();
      }
    });
}
