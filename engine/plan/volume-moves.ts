/** Volumes that a change takes from a VM, and those it has then: no two VMs have one at a time. */
import { isJsonObject, type Json } from "../json.ts";

export interface VolumeMoves {
  /** Addresses. */
  readonly releases: readonly string[];
  readonly attaches: readonly string[];
}

export const NO_VOLUMES: VolumeMoves = { releases: [], attaches: [] };

/**
 * Inputs of a VM before and after; absent when it is made or goes away. A volume that is made anew (`renewed`, by
 * address) is let go of and taken again.
 */
export function volumeMoves(
  before: object | undefined,
  after: object | undefined,
  renewed: ReadonlySet<string>,
): VolumeMoves {
  const held = volumesOf(before);
  const wanted = volumesOf(after);
  if (held.length === 0 && wanted.length === 0) return NO_VOLUMES;
  const stays = (address: string) =>
    held.includes(address) && wanted.includes(address) && !renewed.has(address);
  // Also what it has by its record: after a failure another VM may really have it still.
  return { releases: held.filter((address) => !stays(address)), attaches: wanted };
}

/** Addresses of the volumes in a VM's inputs. */
export function volumesOf(inputs: object | undefined): string[] {
  const list: Json | undefined = isJsonObject(inputs) ? inputs.volumes : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: Json) => (isJsonObject(entry) ? [`volume.${String(entry.name)}`] : []));
}
