/**
 * A file in a VM's folder that says what a vmlab is doing to the machine, and which process that is. It is written
 * before anything is done and goes when all is done or undone, so that whoever comes after a crash can clear up.
 */
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject, type JsonObject } from "../../engine/json.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import { ownerLives, ownOwner, parseOwner } from "../images/owner.ts";

export interface OwnedNote {
  /** What was written; undefined for a file that is damaged. */
  readonly says: JsonObject | undefined;
  /** Whoever wrote it died over it. */
  readonly abandoned: boolean;
}

/** From now on the work is this process's own. */
export async function writeOwnedNote(effects: Effects, path: string, says: object): Promise<void> {
  await effects.files.write(path, JSON.stringify({ ...says, ...(await ownOwner(effects)) }));
}

/** Undefined when there is none; one of work that is under way may go at any moment. */
export async function readOwnedNote(effects: Effects, path: string): Promise<OwnedNote | undefined> {
  const text = await readTextIfThere(effects.files, path);
  if (text === undefined) return undefined;
  const owner = parseOwner(text);
  return { says: parse(text), abandoned: owner === undefined || !(await ownerLives(effects, owner)) };
}

function parse(text: string): JsonObject | undefined {
  try {
    const data: unknown = JSON.parse(text);
    return isJsonObject(data) ? data : undefined;
  } catch {
    return undefined;
  }
}
