/** OpenSSH's configuration of a lab: one Host block a VM. */
import type { LabHost, LabHosts } from "./lab-hosts.ts";

/** `k8s-cp.demo`, which no other lab of another name has. */
export function longAlias({ name, lab }: LabHost): string {
  return `${name}.${lab}`;
}

/** With `short` each VM is known by its name alone too; not where other labs and the user's own hosts are near. */
export function sshConfigText(
  { hosts, unreachable }: LabHosts,
  options: { readonly short: boolean },
): string {
  const blocks = hosts.map((host) => {
    const { access } = host;
    const lines: [string, string][] = [
      ["HostName", access.host],
      ["Port", String(access.port)],
      ["User", access.user],
      ...Object.entries(access.options),
    ];
    const aliases = options.short ? `${host.name} ${longAlias(host)}` : longAlias(host);
    return [`Host ${aliases}`, ...lines.map(([key, value]) => `  ${key} ${value}`)].join("\n");
  });
  const missing = unreachable.map(
    (name) => `# ${name} has no address: it was never started, or cannot be used.`,
  );
  return [...blocks, ...(missing.length === 0 ? [] : [missing.join("\n")])]
    .map((block) => `${block}\n`)
    .join("\n");
}

/**
 * The user's configuration with an Include as its first line: below a Host line it would count for that host only.
 * Undefined when it is there already.
 */
export function withInclude(text: string, pattern: string): string | undefined {
  for (const line of text.split("\n")) {
    if (/^\s*(host|match)[\s=]/i.test(line)) break;
    if (/^\s*include[\s=]/i.test(line) && line.includes(pattern)) return undefined;
  }
  const comment = "# Machines of vmlab's labs, such as web.demo (vmlab ssh-config --write).";
  return `${comment}\n${includeLine(pattern)}\n${text === "" ? "" : "\n"}${text}`;
}

export function includeLine(pattern: string): string {
  return `Include ${/\s/.test(pattern) ? `"${pattern}"` : pattern}`;
}
