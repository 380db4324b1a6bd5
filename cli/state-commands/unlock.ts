import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import { formatDuration } from "../../engine/units.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { openStore } from "../workspace.ts";

export function defineUnlock(context: CommandContext): Command {
  return defineCommand(context, "state unlock", {
    summary: "Remove a lock that nobody holds any more",
    description:
      "A lock whose holder died on this host is taken over by itself. This is for one that another host left. A lock " +
      "whose holder lives is removed only with --force.",
    examples: [{ command: "vmlab state unlock", text: "shows who holds it, and asks" }],
  })
    .option("-y, --yes", "do not ask")
    .option("--force", "also while its holder lives")
    .action(async (options: { yes?: boolean; force?: boolean }) => {
      const store = await openStore(context);
      const found = await store.lockHolder();
      if (found === undefined) {
        context.terminal.out.write("The state is not locked.\n");
        return;
      }
      const { holder, alive } = found;
      const since = formatDuration(Math.max(0, context.effects.clock.now() - holder.since));
      const who = `"vmlab ${holder.command}" of ${holder.user} on ${holder.hostName} (process ${holder.pid}), for ${since}`;
      if (alive === true && options.force !== true) {
        fail({
          code: "state/lock-held",
          summary: "the lock is held by a process that lives",
          detail: who,
          hint: "Wait until it ends, or stop it. --force removes the lock all the same; two at once can spoil the state.",
        });
      }
      const state =
        alive === false
          ? "That process is gone."
          : alive === true
            ? "That process lives."
            : "Whether that process lives cannot be told from here.";
      if (
        !(await confirm(context, `Held by ${who}. ${state} Remove the lock?`, {
          yes: options.yes === true,
          what: "state unlock",
        }))
      ) {
        context.exitCode = 1;
        return;
      }
      await store.breakLock();
      context.terminal.out.write("Unlocked.\n");
    });
}
