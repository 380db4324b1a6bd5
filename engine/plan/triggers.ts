/** lifecycle.replace_triggered_by: which of them changed, now or since the VM was made. */
import type { Resource } from "../config/types.ts";
import type { ResourceState } from "../state/types.ts";
import type { DecidedResource } from "./operations.ts";

export interface Triggers {
  /** What to record: the generation of VMs and secrets, the keyed hash of variables. */
  readonly values: Readonly<Record<string, string | number>>;
  /** Those because of which the VM is replaced. */
  readonly fired: readonly string[];
}

/**
 * What is recorded makes sure of a replacement that failed or was left out: the next plan still sees that the other one
 * was made anew. `decided` holds what the VM depends on.
 */
export function triggersOf(
  { lifecycle }: Resource,
  recorded: ResourceState | undefined,
  decided: ReadonlyMap<string, DecidedResource>,
  records: Readonly<Record<string, ResourceState>>,
): Triggers | undefined {
  if (lifecycle === undefined) return undefined;
  const values: Record<string, string | number> = { ...lifecycle.variables };
  const fired = new Set<string>();
  for (const address of lifecycle.triggers) {
    const before = records[address];
    const decision = decided.get(address)?.decision;
    if (changes(decision?.action, before)) fired.add(address);
    // The generation of an image also grows when the same bytes are got again.
    if (before?.type === "image" || before?.type === "role") continue;
    const generation = decision?.planned?.generation ?? before?.generation;
    if (generation !== undefined) values[address] = generation;
  }
  for (const [name, value] of Object.entries(recorded?.triggers ?? {}))
    if (values[name] !== undefined && values[name] !== value) fired.add(name);
  return { values, fired: [...fired] };
}

function changes(action: string | undefined, before: ResourceState | undefined): boolean {
  if (action === "replace") return true;
  return before?.type === "vm" && (action === "update" || action === "create");
}
