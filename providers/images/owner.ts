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
  /** Digests of images that must stay in the store while it lives. */
  readonly uses: readonly string[];
  /** Beyond files: what has to be ended before they can go. Only the provider that can do that recovers it. */
  readonly build?: BuildTraces;
}

/** What a build leaves when it is killed, besides files. */
export interface BuildTraces {
  /** Id of the throw-away VM in which the image is verified. */
  readonly vm: string;
}

type OwnerEffects = Pick<Effects, "processes" | "host" | "random">;

/** This process. */
export async function ownOwner(
  effects: OwnerEffects,
  folders: readonly string[] = [],
  uses: readonly string[] = [],
): Promise<Owner> {
  const { self } = effects.processes;
  return {
    pid: self,
    startTime: (await effects.processes.identify(self))?.startTime ?? "unknown",
    bootId: await effects.host.bootId(),
    token: effects.random.bytes(6).toString("hex"),
    folders,
    uses,
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
  const { pid, startTime, bootId, token, folders, uses, build } = data;
  if (typeof pid !== "number" || typeof startTime !== "string" || typeof bootId !== "string")
    return undefined;
  if (typeof token !== "string" || !Array.isArray(folders)) return undefined;
  return {
    pid,
    startTime,
    bootId,
    token,
    folders: texts(folders),
    uses: texts(uses),
    ...(isJsonObject(build) && typeof build.vm === "string" ? { build: { vm: build.vm } } : {}),
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
