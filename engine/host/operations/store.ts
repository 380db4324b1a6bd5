/** Records of operations on disk: made, read, listed, found, and removed when they are old. */

import { nearestName } from "../../config/nearest-name.ts";
import { fail, systemErrorCode } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { readTextIfThere } from "../../read-text-if-there.ts";
import { isOperationId, operationsFolder, placesOf } from "./places.ts";
import {
  isUnderWay,
  OPERATION_VERSION,
  type OperationFacts,
  type OperationRecord,
  type OperationStage,
  parseRecord,
} from "./record.ts";
import { parseStanding, type Standing } from "./standing.ts";

type StoreEffects = Pick<Effects, "files" | "random">;

/** Makes the folder and the record of a new operation. */
export async function createOperation(
  effects: StoreEffects,
  home: Home,
  facts: Omit<OperationFacts, "version" | "id" | "alerts">,
  stage: OperationStage,
): Promise<OperationRecord> {
  for (;;) {
    const id = `op-${effects.random.bytes(3).toString("hex")}`;
    const { folder, record: path } = placesOf(home, id);
    const record: OperationRecord = { version: OPERATION_VERSION, id, ...facts, alerts: [], ...stage };
    await effects.files.makeDir(folder);
    try {
      await effects.files.createExclusive(path, recordText(record));
      return record;
    } catch (error) {
      // The id is taken: few are, so another one is free.
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
  }
}

export async function writeOperation(
  effects: Pick<Effects, "files">,
  home: Home,
  record: OperationRecord,
): Promise<void> {
  await effects.files.write(placesOf(home, record.id).record, recordText(record));
}

/** Undefined when there is none of this id, or it cannot be read. */
export async function readOperation(
  effects: Pick<Effects, "files">,
  home: Home,
  id: string,
): Promise<OperationRecord | undefined> {
  const text = await readTextIfThere(effects.files, placesOf(home, id).record);
  return text === undefined ? undefined : parseRecord(text);
}

/** How far an operation under way is; undefined when it does not say. */
export async function readStanding(
  effects: Pick<Effects, "files">,
  home: Home,
  id: string,
): Promise<Standing | undefined> {
  const text = await readTextIfThere(effects.files, placesOf(home, id).standing);
  return text === undefined ? undefined : parseStanding(text);
}

/** All that are kept, newest first. */
export async function listOperations(
  effects: Pick<Effects, "files">,
  home: Home,
): Promise<OperationRecord[]> {
  const names = await effects.files.list(operationsFolder(home));
  const records = await Promise.all(
    names.filter(isOperationId).map((id) => readOperation(effects, home, id)),
  );
  return records.filter((record) => record !== undefined).sort((a, b) => b.started - a.started);
}

/** The one that an id, or its beginning with or without `op-`, names. */
export async function findOperation(
  effects: Pick<Effects, "files">,
  home: Home,
  given: string,
): Promise<OperationRecord> {
  const wanted = given.startsWith("op-") ? given : `op-${given}`;
  const all = await listOperations(effects, home);
  const found = all.filter(({ id }) => id.startsWith(wanted));
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  if (only !== undefined) {
    return fail({
      code: "ops/several-operations",
      summary: `${found.length} operations begin with "${given}"`,
      hint: `Write more of the id: ${found
        .slice(0, 5)
        .map(({ id }) => id)
        .join(", ")}${found.length > 5 ? ", …" : ""}.`,
    });
  }
  const nearest = nearestName(
    wanted,
    all.map(({ id }) => id),
  );
  return fail({
    code: "ops/unknown-operation",
    summary: `there is no operation "${given}"`,
    hint: nearest === undefined ? '"vmlab ops --all" lists them.' : `Did you mean "${nearest}"?`,
  });
}

const MOST_KEPT = 50;
const KEPT_MS = 14 * 24 * 3_600_000;

/** Removes the records of operations that ended long ago, or that many others came after. */
export async function pruneOperations(
  effects: Pick<Effects, "files">,
  home: Home,
  now: number,
): Promise<void> {
  const ended = (await listOperations(effects, home)).filter((record) => !isUnderWay(record));
  for (const [index, record] of ended.entries()) {
    if (index < MOST_KEPT && now - record.started < KEPT_MS) continue;
    await effects.files.remove(placesOf(home, record.id).folder);
  }
}

function recordText(record: OperationRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}
