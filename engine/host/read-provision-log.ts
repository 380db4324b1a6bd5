/** The log of a VM's provisioning, for showing it: the older file and then the current one. */

import type { Effects } from "../effects.ts";
import { isJsonObject } from "../json.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import type { ProvisionEntry, ProvisionLogPlaces } from "./provision-log.ts";

/** Everything that is kept; undefined when nothing is. */
export async function readProvisionLog(
  files: Pick<Effects["files"], "stat" | "readText">,
  places: ProvisionLogPlaces,
): Promise<readonly ProvisionEntry[] | undefined> {
  const texts: string[] = [];
  for (const path of [places.older, places.current]) {
    const text = await readTextIfThere(files, path);
    if (text !== undefined) texts.push(text);
  }
  return texts.length === 0 ? undefined : texts.join("").split("\n").flatMap(parseLine);
}

/** Nothing for a line that is being written, that is damaged, or that a newer vmlab wrote. */
function parseLine(line: string): ProvisionEntry[] {
  if (line === "") return [];
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? [value] : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is ProvisionEntry {
  if (!isJsonObject(value as never)) return false;
  const entry = value as Partial<Record<string, unknown>>;
  if (typeof entry.time !== "number") return false;
  switch (entry.type) {
    case "step":
      return typeof entry.step === "string" && typeof entry.number === "number";
    case "output":
      return typeof entry.line === "string";
    case "end":
      return typeof entry.result === "string" && typeof entry.durationMs === "number";
    default:
      return false;
  }
}
