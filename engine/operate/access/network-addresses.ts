/** The addresses of a VM in the lab's networks, as recorded. */
import type { ResourceState } from "../../state/types.ts";

/** Network → the VM's address in it, in the order of the VM's interfaces: the first one is what `ip` means. */
export function networkAddresses({ inputs }: ResourceState): Record<string, string> {
  if (!Array.isArray(inputs.networks)) return {};
  return Object.fromEntries(
    (inputs.networks as readonly { name?: unknown; ip?: unknown }[]).flatMap(({ name, ip }) =>
      typeof name === "string" && typeof ip === "string" ? [[name, ip]] : [],
    ),
  );
}
