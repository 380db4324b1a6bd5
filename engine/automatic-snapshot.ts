/** Snapshots that vmlab takes by itself: what they are called, and which of them go when another was taken. */
import type { CallContext, SnapshotProvider } from "../providers/provider.ts";
import { isJsonObject } from "./json.ts";
import type { ResourceState } from "./state/types.ts";

const PREFIX = "auto-";
/** As lab.schema.json has it. */
const DEFAULT_KEEP = 5;

/** `auto-2026-11-23-140509`, in UTC, or with a number behind it where one of the VMs has that already. */
export async function automaticName(
  snapshots: SnapshotProvider,
  vms: readonly Pick<ResourceState, "instance">[],
  now: number,
): Promise<string> {
  const found = await snapshots.list(vms.flatMap(({ instance }) => instance ?? []));
  const taken = new Set([...found.values()].flat().map(({ name }) => name));
  const first = `${PREFIX}${timeName(now)}`;
  let name = first;
  for (let number = 2; taken.has(name); number++) name = `${first}-${number}`;
  return name;
}

/** Removes the oldest of those that vmlab took of a VM by itself, beyond what its inputs say to keep. */
export async function removeSuperfluous(
  snapshots: SnapshotProvider,
  { instance, inputs }: Pick<ResourceState, "instance" | "inputs">,
  context: CallContext,
): Promise<void> {
  if (instance === undefined) return;
  const settings = inputs.snapshots;
  const keep = isJsonObject(settings) && typeof settings.keep === "number" ? settings.keep : DEFAULT_KEEP;
  const taken = (await snapshots.list([instance])).get(instance) ?? [];
  const own = taken.filter(({ name }) => name.startsWith(PREFIX));
  for (const { name } of own.slice(0, Math.max(0, own.length - keep)))
    await snapshots.remove(instance, name, context);
}

/** Such as 2026-11-23-140509, in UTC. */
export function timeName(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
}
