import type { Command } from "commander";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addSelectionOptions, chosenOrAllVms, type SelectionArguments } from "../machine-selection.ts";
import { renderVmTable } from "../render/vm-table.ts";
import { listVms } from "../vm-listing.ts";
import { openMachines } from "../workspace.ts";

interface ListOptions extends SelectionArguments {
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "list", {
    summary: "List the VMs",
    description:
      "Shows each VM of the state as it really is now, with the host ports that lead to it. A note tells of what " +
      "differs from the record and of work that was interrupted. Works while lab.toml is broken.",
    examples: [
      { command: "vmlab list", text: "all VMs" },
      { command: "vmlab ls 'k8s-*'", text: "some of them" },
      { command: "vmlab list --json | jq '.[] | select(.state == \"running\").name'", text: "for programs" },
    ],
    related: ["start", "ssh", "ip", "show"],
  });
  return addSelectionOptions(command)
    .option("--json", "print JSON")
    .action(async (names: string[], options: ListOptions) => {
      context.exitCode = await list(context, names, options);
    });
}

async function list(
  context: CommandContext,
  names: readonly string[],
  options: ListOptions,
): Promise<number> {
  const { out } = context.terminal;
  const { state, providers } = await openMachines(context);
  const vms = await listVms(state, providers.vm, chosenOrAllVms(state, names, options));
  if (options.json === true) out.write(`${JSON.stringify(vms, null, 2)}\n`);
  else if (vms.length === 0) out.write(`No VMs yet. "vmlab apply" makes those that lab.toml declares.\n`);
  else out.write(`${renderVmTable(vms, { palette: colours(out), width: out.columns }).join("\n")}\n`);
  return 0;
}
