/** Which process something temporary belongs to, beyond its pid, which the system reuses. */
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject } from "../../engine/json.ts";

export interface Owner {
  readonly pid: number;
  /** As {@link ProcessIdentity.startTime}. */
  readonly startTime: string;
  readonly bootId: string;
  /** Tells apart what one process owns. */
  readonly token: string;
  /** Folders elsewhere that belong to it, absolute. */
  readonly folders: readonly string[];
}

type OwnerEffects = Pick<Effects, "processes" | "host" | "random">;

/** This process. */
export async function ownOwner(effects: OwnerEffects, folders: readonly string[] = []): Promise<Owner> {
  const { self } = effects.processes;
  return {
    pid: self,
    startTime: (await effects.processes.identify(self))?.startTime ?? "unknown",
    bootId: await effects.host.bootId(),
    token: effects.random.bytes(6).toString("hex"),
    folders,
  };
}

/** Whether the owner still runs. A process that cannot be looked at counts as running. */
export async function ownerLives(
  effects: Pick<Effects, "processes" | "host">,
  owner: Owner,
): Promise<boolean> {
  if (owner.bootId !== (await effects.host.bootId())) return false;
  try {
    return (await effects.processes.identify(owner.pid))?.startTime === owner.startTime;
  } catch {
    return true;
  }
}

/** Undefined for anything that {@link ownOwner} did not write. */
export function parseOwner(text: string): Owner | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(data)) return undefined;
  const { pid, startTime, bootId, token, folders } = data;
  if (typeof pid !== "number" || typeof startTime !== "string" || typeof bootId !== "string")
    return undefined;
  if (typeof token !== "string" || !Array.isArray(folders)) return undefined;
  return { pid, startTime, bootId, token, folders: folders.filter((folder) => typeof folder === "string") };
}
