import type { Command } from "commander";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "../machine-selection.ts";
import { type Cell, renderTable, type TableLayout } from "../render/table.ts";
import { textWidth } from "../render/text-width.ts";
import { type ListedVm, listVms } from "../vm-listing.ts";
import { openMachines } from "../workspace.ts";

interface IpOptions extends SelectionArguments {
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "ip", {
    summary: "Show the addresses of VMs",
    description:
      "IP is the address by which other VMs reach it in each of its networks, SSH the one on this host that leads to its " +
      'SSH server; "vmlab port" lists the other forwarded ports. Of a VM that is off these are what the next start asks for.',
    examples: [
      { command: "vmlab ip web", text: "one VM" },
      { command: "vmlab ip --env k8s", text: "an environment" },
      { command: "vmlab ip web --json | jq -r '.[0].ip'", text: "for scripts" },
    ],
    related: ["port", "list", "inventory"],
  });
  return addSelectionOptions(command)
    .option("--json", "print JSON")
    .action(async (names: string[], options: IpOptions) => {
      context.exitCode = await ip(context, names, options);
    });
}

async function ip(context: CommandContext, names: readonly string[], options: IpOptions): Promise<number> {
  const { out } = context.terminal;
  const { state, providers } = await openMachines(context);
  const vms = await listVms(state, providers.vm, chosenVms(state, names, options));
  if (options.json === true) {
    const shown = vms.map(({ name, state: power, networks, host, ssh_port: port }) => ({
      name,
      state: power,
      ip: Object.values(networks)[0] ?? null,
      networks,
      ssh: port === undefined ? null : { host: host ?? "127.0.0.1", port },
    }));
    out.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  const layout = { width: out.columns, header: colours(out).faint };
  const full = table(vms, ([network, address]) => `${address} (${network}),`, layout);
  const fits = full.every((line) => textWidth(line) <= (out.columns ?? Number.POSITIVE_INFINITY));
  // Without their networks' names the addresses still stand in the order of the VM's interfaces.
  const lines = fits ? full : table(vms, ([, address]) => `${address},`, layout);
  out.write(`${lines.join("\n")}\n`);
  return 0;
}

function table(
  vms: readonly ListedVm[],
  shown: (network: [name: string, address: string]) => string,
  layout: TableLayout,
): string[] {
  const rows = vms.map((vm): Cell[] => [
    vm.name,
    Object.entries(vm.networks).map(shown).join(" ").replace(/,$/, ""),
    vm.ssh_port === undefined ? "none before its first start" : `${vm.host ?? "127.0.0.1"}:${vm.ssh_port}`,
    vm.state === "running" ? "" : vm.state,
  ]);
  return renderTable(
    [
      { header: "NAME" },
      { header: "IP", overflow: "wrap", least: 10 },
      { header: "SSH", overflow: "wrap", least: 15 },
      { header: "STATE" },
    ],
    rows,
    layout,
  );
}
