import type { Command } from "commander";
import { resourceLines } from "../commands/show.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireResource, requireState } from "../state-access.ts";
import { maskedResource } from "../state-view.ts";
import { openStore } from "../workspace.ts";

export function defineShow(context: CommandContext): Command {
  return defineCommand(context, "state show", {
    summary: "Show one resource of the state",
    description: "Secrets are masked.",
    examples: [
      { command: "vmlab state show vm.web", text: "inputs and attributes" },
      { command: "vmlab state show vm.web --json", text: "the whole record" },
    ],
  })
    .argument("<address>", "address, such as vm.web")
    .option("--json", "print JSON")
    .action(async (address: string, options: { json?: boolean }) => {
      const { out } = context.terminal;
      const resource = requireResource(await requireState(await openStore(context)), address);
      if (options.json === true) out.write(`${JSON.stringify(maskedResource(resource), null, 2)}\n`);
      else
        out.write(
          `${[colours(out).strong(`${address} (${resource.phase})`), ...resourceLines(resource, context)].join("\n")}\n`,
        );
    });
}
