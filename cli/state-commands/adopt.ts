import type { Command } from "commander";
import { homeFrom } from "../../engine/home.ts";
import { adoptState } from "../../engine/state/adopt.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireState } from "../state-access.ts";
import { openStore } from "../workspace.ts";

export function defineAdopt(context: CommandContext): Command {
  return defineCommand(context, "state adopt", {
    summary: "Take over a state that was moved here",
    description:
      "A state records its folder and host, so that a copy never drives the same machines twice. After moving a lab, " +
      "adopt it here. For a copy beside the original use --new: it gets a lineage of its own and no machines.",
    examples: [
      { command: "vmlab state adopt", text: "the lab was moved; the old place is not used any more" },
      { command: "vmlab state adopt --new", text: "this is a copy; begin with nothing made" },
    ],
  })
    .option("--new", "a new lab: its machines stay the original's")
    .option("-y, --yes", "do not ask")
    .action(async (options: { new?: boolean; yes?: boolean }) => {
      const { effects, folder } = context;
      const home = homeFrom(effects.host.env).root;
      const store = await openStore(context, { anyPlace: true });
      const state = await requireState(store);
      const host = await effects.host.hostId();
      if (options.new !== true && state.folder === folder && state.host === host && state.home === home) {
        context.terminal.out.write("The state is at home here already.\n");
        return;
      }
      const question =
        options.new === true
          ? `Begin anew here? The machines stay with the lab in ${state.folder}.`
          : `Take over the machines of ${state.folder}? The lab there must not be used any more.`;
      if (!(await confirm(context, question, { yes: options.yes === true, what: "state adopt" }))) {
        context.exitCode = 1;
        return;
      }
      const lineage = options.new === true ? effects.random.bytes(8).toString("hex") : undefined;
      const locked = await store.lock("state adopt", { timeoutMs: 0 });
      try {
        await locked.replace(adoptState(await requireState(locked), { host, folder, home }, lineage));
      } finally {
        await locked.release();
      }
      context.terminal.out.write(
        options.new === true ? "A new lab now, with nothing made yet.\n" : "Adopted.\n",
      );
    });
}
