/** Reading what lies in a lab's `.vmlab` folder. */
import { join } from "node:path";
import { fail, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { explainReadError } from "./file-errors.ts";
import { decodeJournal, type Journal, replayJournal } from "./journal.ts";
import { decodeSnapshot } from "./snapshot.ts";
import type { State } from "./types.ts";

/** Absolute paths. */
export interface StateFiles {
  readonly folder: string;
  readonly snapshot: string;
  readonly journal: string;
  readonly lock: string;
  readonly history: string;
  readonly texts: string;
}

export interface StoredState {
  /** The snapshot with the journal replayed over it. */
  readonly state: State;
  /** The snapshot's own serial. */
  readonly serial: number;
  readonly journal: Journal;
}

/** The files below the absolute path of a `.vmlab` folder. */
export function stateFilesIn(folder: string): StateFiles {
  return {
    folder,
    snapshot: join(folder, "state.json"),
    journal: join(folder, "journal.ndjson"),
    lock: join(folder, "lock"),
    history: join(folder, "history"),
    texts: join(folder, "texts"),
  };
}

/** The names of the files as a user who stands in the lab's folder knows them. */
export const SHOWN = stateFilesIn(".vmlab");

const MOST_ATTEMPTS = 20;

/**
 * Reads snapshot and journal as they belong together; undefined when there is no state. Another process may write a
 * new snapshot meanwhile: then the snapshot's file is another one, and both are read again.
 */
export async function readStateFiles(
  effects: Pick<Effects, "files">,
  paths: StateFiles,
): Promise<StoredState | undefined> {
  const { files } = effects;
  for (let attempt = 1; ; attempt += 1) {
    const before = await files.stat(paths.snapshot);
    const snapshot = await readIfThere(files.read(paths.snapshot));
    const journal = await readIfThere(files.read(paths.journal));
    const after = await files.stat(paths.snapshot);
    const same = before?.inode === after?.inode && before?.mtimeMs === after?.mtimeMs;
    if (same || attempt === MOST_ATTEMPTS) return decode(snapshot, journal);
  }
}

function decode(snapshot: Buffer | undefined, journal: Buffer | undefined): StoredState | undefined {
  if (snapshot === undefined) {
    if (journal === undefined || journal.length === 0) return undefined;
    snapshotMissing();
  }
  const base = decodeSnapshot(snapshot, SHOWN.snapshot);
  const decoded = decodeJournal(journal ?? Buffer.alloc(0), SHOWN.journal);
  return {
    state: replayJournal(base, decoded.lines, SHOWN.journal),
    serial: base.serial,
    journal: decoded,
  };
}

function snapshotMissing(): never {
  fail({
    code: "state/snapshot-missing",
    summary: `${SHOWN.snapshot} is missing, but ${SHOWN.journal} continues it`,
    detail: "The journal says what changed since the snapshot; without the snapshot it means nothing.",
    hint: "Put state.json back from a backup, or go back to a kept state with `vmlab state history` and `vmlab state restore SERIAL`.",
  });
}

async function readIfThere(reading: Promise<Buffer>): Promise<Buffer | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    return explainReadError(error);
  }
}
