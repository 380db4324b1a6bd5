/** lifecycle.ignore_changes: a VM keeps what it has, whatever is declared. */
import type { Resource, VmInputs } from "../config/types.ts";
import type { JsonObject } from "../json.ts";
import { holdsSensitive } from "./compare-inputs.ts";

export function ignores({ lifecycle }: Resource, key: string): boolean {
  return lifecycle !== undefined && (lifecycle.ignored === "all" || lifecycle.ignored.includes(key));
}

/**
 * The inputs with recorded values where changes are ignored. A sensitive value is recorded as a hash, from which nothing
 * can be made again: there the declared one goes on.
 */
export function keepIgnored(resource: Resource, recorded: JsonObject): VmInputs {
  const declared = resource.inputs as VmInputs;
  const kept: Record<string, unknown> = { ...declared };
  for (const key of new Set([...Object.keys(declared), ...Object.keys(recorded)])) {
    if (!ignores(resource, key) || holdsSensitive(recorded[key])) continue;
    if (recorded[key] === undefined) delete kept[key];
    else kept[key] = recorded[key];
  }
  return kept as unknown as VmInputs;
}
