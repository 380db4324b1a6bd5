/** The names by which a VM knows the others of its networks: lines of /etc/hosts. */

import type { HostEntry } from "../../providers/provider.ts";
import type { InterfaceInputs, NetworkInputs } from "../config/types.ts";
import { sha256 } from "../json.ts";

export interface Viewer {
  readonly environment?: string;
  readonly lab: string;
  readonly interfaces: readonly Pick<InterfaceInputs, "name">[];
}

/**
 * Every member of the viewer's networks, itself included, once: with the address in the first network that both are
 * in. `k8s-cp` is `k8s-cp.LAB` too, and `cp` to the members of its environment.
 */
export function hostEntries(
  viewer: Viewer,
  networks: (name: string) => Pick<NetworkInputs, "members"> | undefined,
): HostEntry[] {
  const entries = new Map<string, HostEntry>();
  for (const { name: network } of viewer.interfaces) {
    for (const { name, ip, environment } of networks(network)?.members ?? []) {
      if (entries.has(name)) continue;
      const isPeer = environment !== undefined && environment === viewer.environment;
      const short = isPeer ? [name.slice(environment.length + 1)] : [];
      entries.set(name, { ip, names: [`${name}.${viewer.lab}`, name, ...short] });
    }
  }
  return [...entries.values()];
}

/** Under which the provider knows a network: 12 lower-case hex digits. It follows from its name, so that no crash can
 * lose sight of it. */
export function networkId(lineage: string, name: string): string {
  return sha256(`vmlab network ${lineage} ${name}`).slice(0, 12);
}
