import type { Command } from "commander";
import { nearestName } from "../../engine/config/nearest-name.ts";
import { fail } from "../../engine/diagnostics.ts";
import { hostVariables, inventoryJson, inventoryYaml } from "../../engine/operate/access/inventory.ts";
import { type LabHost, labHosts } from "../../engine/operate/access/lab-hosts.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { openMachines } from "../workspace.ts";

interface InventoryOptions {
  readonly list?: boolean;
  readonly host?: string;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "inventory", {
    summary: "Print an Ansible inventory of the lab",
    description:
      "YAML for a file, or with --list and --host the JSON that Ansible expects of an inventory script. Groups: env_NAME, " +
      "role_NAME, label_KEY_VALUE, state_running and state_stopped, with _ for every character that Ansible's names do " +
      "not allow. Each host has the lab's key, the strict check of its host key, its labels, and its ip in the lab.",
    examples: [
      {
        command: "vmlab inventory > inventory.yaml",
        text: "then: ansible -i inventory.yaml env_k8s -m ping",
      },
      { command: "vmlab inventory --list", text: "for an inventory script" },
      { command: "vmlab inventory --host k8s-cp", text: "the variables of one host" },
    ],
    related: ["ssh-config", "ip"],
  })
    .option("--list", "print everything as JSON")
    .option("--host <name>", "print the variables of one host as JSON")
    .option("--json", "the same as --list")
    .action(async (options: InventoryOptions) => {
      context.exitCode = await inventory(context, options);
    });
}

async function inventory(context: CommandContext, options: InventoryOptions): Promise<number> {
  const { out } = context.terminal;
  const { state, providers } = await openMachines(context);
  const { hosts } = await labHosts(state, providers.vm);
  if (options.host !== undefined) {
    const variables = hostVariables(requireHost(hosts, options.host));
    out.write(`${JSON.stringify(variables, null, 2)}\n`);
  } else if (options.list === true || options.json === true) {
    out.write(`${JSON.stringify(inventoryJson(hosts), null, 2)}\n`);
  } else out.write(inventoryYaml(hosts));
  return 0;
}

function requireHost(hosts: readonly LabHost[], name: string): LabHost {
  const found = hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    hosts.map((host) => host.name),
  );
  return fail({
    code: "select/unknown-vm",
    summary: `there is no VM "${name}" that has been started`,
    hint: nearest === undefined ? '"vmlab list" shows the VMs.' : `Did you mean "${nearest}"?`,
  });
}
