/**
 * Since when nobody needs what lies in the store, by folder name: images/.unused.json. Age since the last use is what
 * decides over removal, not age since it was made: an image of a year that was in use until yesterday is not old.
 * Without the file, counting begins anew.
 */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { isJsonObject } from "../../../engine/json.ts";

/** Milliseconds since the epoch, by folder name. */
export type UnusedSince = ReadonlyMap<string, number>;

export async function readUnusedSince(effects: Pick<Effects, "files">, home: Home): Promise<UnusedSince> {
  let data: unknown;
  try {
    data = JSON.parse(await effects.files.readText(fileOf(home)));
  } catch {
    return new Map();
  }
  if (!isJsonObject(data) || !isJsonObject(data.since)) return new Map();
  return new Map(
    Object.entries(data.since).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

/** What `names` are unused since, those not known before since `now`. What is not among them is in use again. */
export function noteUnused(before: UnusedSince, names: readonly string[], now: number): UnusedSince {
  // A clock that was set back must not make anything older than it is.
  return new Map(names.map((name) => [name, Math.min(before.get(name) ?? now, now)]));
}

/** Writes only what differs. Call it under the host lock `labs`. */
export async function writeUnusedSince(
  effects: Pick<Effects, "files">,
  home: Home,
  before: UnusedSince,
  after: UnusedSince,
): Promise<void> {
  if (before.size === after.size && [...after].every(([name, since]) => before.get(name) === since)) return;
  const since = Object.fromEntries([...after].sort(([a], [b]) => (a < b ? -1 : 1)));
  await effects.files.write(fileOf(home), `${JSON.stringify({ version: 1, since }, undefined, 2)}\n`);
}

function fileOf(home: Home): string {
  return join(home.images, ".unused.json");
}
