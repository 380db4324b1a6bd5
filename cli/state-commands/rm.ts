import type { Command } from "commander";
import type { JournalEntry } from "../../engine/state/types.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireResource, requireState, withLockedState } from "../state-access.ts";
import { openStore } from "../workspace.ts";

export function defineRemove(context: CommandContext): Command {
  return defineCommand(context, "state rm", {
    summary: "Forget resources without deleting them",
    description: "vmlab does not know of the machine any more and will neither manage nor delete it.",
    examples: [{ command: "vmlab state rm vm.web", text: "forget vm.web; it goes on running" }],
  })
    .argument("<addresses...>", "addresses in the state")
    .option("-y, --yes", "do not ask")
    .action(async (addresses: string[], options: { yes?: boolean }) => {
      const seen = await requireState(await openStore(context));
      for (const address of addresses) requireResource(seen, address);
      const question = `Forget ${addresses.join(", ")}? What exists is left as it is.`;
      if (!(await confirm(context, question, { yes: options.yes === true, what: "state rm" }))) {
        context.exitCode = 1;
        return;
      }
      await withLockedState(context, "state rm", async (locked, state) => {
        const entries = addresses.map((address): JournalEntry => {
          requireResource(state, address);
          return { kind: "resource", address, resource: null };
        });
        await locked.append(entries);
      });
      const instances = addresses.flatMap((address) => {
        const instance = seen.resources[address]?.instance;
        return instance === undefined || seen.resources[address]?.type !== "vm"
          ? []
          : [`${address} (id ${instance})`];
      });
      context.terminal.out.write(`Forgotten: ${addresses.join(", ")}.\n`);
      if (instances.length > 0) context.terminal.out.write(`Left behind: ${instances.join(", ")}.\n`);
    });
}
