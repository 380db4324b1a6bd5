/** Gives recorded resources other addresses; what exists is not touched. */
import type { ResourceState } from "./types.ts";

/** The records under their new addresses (`moves`: old → new), in their order; O(records + dependencies). */
export function renameResources(
  resources: Readonly<Record<string, ResourceState>>,
  moves: ReadonlyMap<string, string>,
): Record<string, ResourceState> {
  const renamed = (address: string): string => moves.get(address) ?? address;
  return Object.fromEntries(
    Object.entries(resources).map(([key, record]): [string, ResourceState] => {
      const address = renamed(key);
      const dependsOn = record.dependsOn.some((other) => moves.has(other))
        ? record.dependsOn.map(renamed)
        : record.dependsOn;
      if (address === key && dependsOn === record.dependsOn) return [key, record];
      const name = address === key ? record.name : address.slice(address.indexOf(".") + 1);
      return [address, { ...record, address, name, dependsOn }];
    }),
  );
}
