/** Older snapshots: `history/state-SERIAL.json`, the newest 50. */
import { join } from "node:path";
import { fail, systemErrorCode } from "../diagnostics.ts";
import type { Files } from "../effects.ts";
import { decodeSnapshot } from "./snapshot.ts";
import type { HistoryEntry } from "./store.ts";
import type { State } from "./types.ts";

const KEPT = 50;

/** Keeps the snapshot in `snapshotFile` under its serial, and drops what is older than the kept ones. */
export async function keepInHistory(
  files: Files,
  folder: string,
  snapshotFile: string,
  serial: number,
): Promise<void> {
  await files.makeDir(folder);
  const path = historyFile(folder, serial);
  try {
    // The same bytes under a second name: a new snapshot replaces only the first.
    await files.link(snapshotFile, path);
  } catch (error) {
    const code = systemErrorCode(error);
    // A crash after the link and before the new snapshot: it is there already.
    if (code !== "EEXIST") {
      if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EMLINK") throw error;
      await files.write(path, await files.read(snapshotFile));
    }
  }
  for (const old of (await serials(files, folder)).slice(KEPT)) await files.remove(historyFile(folder, old));
}

/** What the history holds, newest first. Damaged ones are counted with 0 resources, so that they are seen. */
export async function listHistory(files: Files, folder: string): Promise<HistoryEntry[]> {
  return await Promise.all(
    (await serials(files, folder)).map(async (serial) => {
      const path = historyFile(folder, serial);
      const savedAt = (await files.stat(path))?.mtimeMs ?? 0;
      return { serial, savedAt, resources: await countResources(files, path) };
    }),
  );
}

/** One of the kept states; `shown` is the folder as the user knows it. */
export async function readFromHistory(
  files: Files,
  folder: string,
  serial: number,
  shown: string,
): Promise<State> {
  try {
    const data = await files.read(historyFile(folder, serial));
    return decodeSnapshot(data, join(shown, `state-${serial}.json`));
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    const kept = (await serials(files, folder)).slice(0, 10);
    return fail({
      code: "state/no-such-serial",
      summary: `No state #${serial} is kept`,
      detail: kept.length === 0 ? "The history is empty." : `The newest that are kept: ${kept.join(", ")}.`,
      hint: "`vmlab state history` lists all of them.",
    });
  }
}

/** The highest serial in the history. */
export async function newestSerial(files: Files, folder: string): Promise<number | undefined> {
  return (await serials(files, folder))[0];
}

async function serials(files: Files, folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await files.list(folder)) {
    const digits = /^state-(\d+)\.json$/.exec(name)?.[1];
    if (digits !== undefined) found.push(Number(digits));
  }
  return found.sort((a, b) => b - a);
}

async function countResources(files: Files, path: string): Promise<number> {
  try {
    return Object.keys(decodeSnapshot(await files.read(path), path).resources).length;
  } catch {
    return 0;
  }
}

function historyFile(folder: string, serial: number): string {
  return join(folder, `state-${serial}.json`);
}
