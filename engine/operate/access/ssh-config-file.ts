/** The OpenSSH configuration of a lab as a file, $VMLAB_HOME/ssh/LAB-LINEAGE.conf, once the user has asked for it. */
import { join } from "node:path";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import type { LabHosts } from "./lab-hosts.ts";
import { sshConfigText } from "./ssh-config.ts";

/** The lab whose file it is. */
export interface ConfiguredLab {
  readonly name: string;
  readonly lineage: string;
  /** Absolute path. */
  readonly folder: string;
}

/** What ~/.ssh/config includes: the files of all labs. */
export function includePattern(home: Home): string {
  return join(home.ssh, "*.conf");
}

/** Writes the lab's file. Resolves with its path. */
export async function writeSshConfig(
  effects: Pick<Effects, "files">,
  home: Home,
  lab: ConfiguredLab,
  hosts: LabHosts,
): Promise<string> {
  const path = join(home.ssh, `${lab.name}-${lab.lineage}.conf`);
  const head =
    `# The lab ${lab.name} in ${JSON.stringify(lab.folder)}. ` +
    "vmlab keeps this file current; changes made here are lost.\n\n";
  await effects.files.makeDir(home.ssh);
  await effects.files.write(path, head + sshConfigText(hosts, { short: false }));
  for (const other of await filesOf(effects, home, lab.lineage))
    if (other !== path) await effects.files.remove(other);
  return path;
}

/** True when the user has asked for the lab's file. */
export async function hasSshConfig(
  effects: Pick<Effects, "files">,
  home: Home,
  lineage: string,
): Promise<boolean> {
  return (await filesOf(effects, home, lineage)).length > 0;
}

export async function removeSshConfig(
  effects: Pick<Effects, "files">,
  home: Home,
  lineage: string,
): Promise<void> {
  for (const file of await filesOf(effects, home, lineage)) await effects.files.remove(file);
}

/** Other labs of the same name that have a file: OpenSSH takes the first of two equal aliases. */
export async function namesakes(
  effects: Pick<Effects, "files">,
  home: Home,
  lab: ConfiguredLab,
): Promise<string[]> {
  return (await effects.files.list(home.ssh))
    .filter((name) => /^(.+)-[0-9a-f]+\.conf$/.exec(name)?.[1] === lab.name)
    .filter((name) => !name.endsWith(`-${lab.lineage}.conf`))
    .map((name) => join(home.ssh, name));
}

/** One, unless the lab was renamed since. */
async function filesOf({ files }: Pick<Effects, "files">, home: Home, lineage: string): Promise<string[]> {
  return (await files.list(home.ssh))
    .filter((name) => name.endsWith(`-${lineage}.conf`))
    .map((name) => join(home.ssh, name));
}
