/** Ansible's inventory of a lab. */
import type { Json, JsonObject } from "../../json.ts";
import { shellQuote } from "../../shell-words.ts";
import type { LabHost } from "./lab-hosts.ts";

/** Groups by name, each with the names of its hosts. */
function groupsOf(hosts: readonly LabHost[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const names = [
      ...(host.environment === undefined ? [] : [`env_${host.environment}`]),
      ...(host.role === undefined ? [] : [`role_${host.role}`]),
      ...Object.entries(host.labels).map(([key, value]) => `label_${key}${value === "" ? "" : `_${value}`}`),
      host.running ? "state_running" : "state_stopped",
    ];
    for (const name of new Set(names.map(groupName))) {
      const members = groups.get(name) ?? [];
      groups.set(name, members);
      members.push(host.name);
    }
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Ansible's groups are named as variables of Python. */
export function groupName(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, "_");
}

/** The variables of one host. */
export function hostVariables(host: LabHost): JsonObject {
  const { access } = host;
  const { IdentityFile: _, ...options } = access.options;
  return {
    ansible_host: access.host,
    ansible_port: access.port,
    ansible_user: access.user,
    ...(access.keyFile === undefined ? {} : { ansible_ssh_private_key_file: access.keyFile }),
    // Ansible splits them as a shell does.
    ansible_ssh_common_args: Object.entries(options)
      .map(([key, value]) => `-o ${shellQuote(`${key}=${value}`)}`)
      .join(" "),
    ...(host.ip === undefined ? {} : { ip: host.ip }),
    labels: { ...host.labels },
  };
}

/** What Ansible expects of an inventory script that is called with --list. */
export function inventoryJson(hosts: readonly LabHost[]): JsonObject {
  const groups = groupsOf(hosts);
  return {
    _meta: { hostvars: Object.fromEntries(hosts.map((host) => [host.name, hostVariables(host)])) },
    all: { hosts: hosts.map(({ name }) => name), children: ["ungrouped", ...groups.keys()] },
    ...Object.fromEntries([...groups].map(([name, members]) => [name, { hosts: members }])),
  };
}

/** An inventory file in YAML. Strings are written as JSON has them, which YAML reads too. */
export function inventoryYaml(hosts: readonly LabHost[]): string {
  const lines = ["all:"];
  if (hosts.length === 0) return "all: {}\n";
  lines.push("  hosts:");
  for (const host of hosts) {
    lines.push(`    ${hostKey(host.name)}:`);
    for (const [key, value] of Object.entries(hostVariables(host)))
      lines.push(`      ${key}: ${inlineYaml(value)}`);
  }
  lines.push("  children:");
  for (const [name, members] of groupsOf(hosts)) {
    lines.push(`    ${name}:`, "      hosts:");
    for (const member of members) lines.push(`        ${hostKey(member)}:`);
  }
  return `${lines.join("\n")}\n`;
}

/** YAML 1.1 takes some names for truth values. */
function hostKey(name: string): string {
  return /^(y|n|yes|no|on|off|true|false|null)$/.test(name) ? `"${name}"` : name;
}

function inlineYaml(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([key, inner]) => `${JSON.stringify(key)}: ${JSON.stringify(inner)}`).join(", ")} }`;
}
