/** Snapshots that vmlab takes by itself: what they are called, and which of them go when another was taken. */
import type { CallContext, SnapshotProvider } from "../providers/provider.ts";
import { errorText } from "./diagnostics.ts";
import { isJsonObject } from "./json.ts";
import type { ResourceState } from "./state/types.ts";

const PREFIX = "auto-";
/** As {@link automaticName} makes them; people may begin names of their own in the same way. */
const AUTOMATIC = /^auto-\d{4}-\d\d-\d\d-\d{6}(-\d+)?$/;
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

/**
 * Removes the oldest of those that vmlab took of a VM by itself, beyond what its inputs say to keep. `kept` is none of
 * them. What cannot be removed now stays: nobody asked for that, and the next time tries again.
 */
export async function removeSuperfluous(
  snapshots: SnapshotProvider,
  { instance, inputs }: Pick<ResourceState, "instance" | "inputs">,
  context: CallContext,
  kept?: string,
): Promise<void> {
  if (instance === undefined) return;
  const settings = inputs.snapshots;
  const keep = isJsonObject(settings) && typeof settings.keep === "number" ? settings.keep : DEFAULT_KEEP;
  const taken = (await snapshots.list([instance])).get(instance) ?? [];
  const own = taken.filter(({ name }) => AUTOMATIC.test(name));
  for (const { name } of own.slice(0, Math.max(0, own.length - keep))) {
    if (name === kept) continue;
    await snapshots.remove(instance, name, context).catch((error: unknown) => {
      context.signal.throwIfAborted();
      context.output(`the snapshot ${name} stays, although newer ones are kept: ${errorText(error)}`);
    });
  }
}

/** Such as 2026-11-23-140509, in UTC. */
export function timeName(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
}
