/**
 * The journal: one JSON object a line, `{seq, lineage, serial, entry, sum}`. `sum` is over the line's own text before
 * it, so that nothing depends on how JSON is written again.
 */
import { fail } from "../diagnostics.ts";
import { isJsonObject, sha256 } from "../json.ts";
import { replay } from "./replay.ts";
import type { JournalEntry, State } from "./types.ts";

export interface JournalLine {
  /** Counts up by one from line to line, over snapshots too. */
  readonly seq: number;
  readonly lineage: string;
  /** Serial of the snapshot that the entry is applied to. */
  readonly serial: number;
  readonly entry: JournalEntry;
}

export interface Journal {
  readonly lines: readonly JournalLine[];
  /** Bytes up to the end of the last whole line. */
  readonly goodBytes: number;
  /** Something stands behind the last whole line: an append that a crash cut short. */
  readonly torn: boolean;
  /** The last line is whole but for its line end. */
  readonly unended: boolean;
}

/** Hex digits of a line's checksum. */
const SUM_LENGTH = 16;

/** One line with its line end. */
export function encodeLine(line: JournalLine): string {
  const { seq, lineage, serial, entry } = line;
  const body = JSON.stringify({ seq, lineage, serial, entry });
  return `${body.slice(0, -1)},"sum":"${sumOf(body)}"}\n`;
}

/**
 * Reads a journal's bytes. An incomplete last line was never reported as durable and is left out; any other damage is
 * refused, because what follows it cannot be trusted. `file` names the journal in the diagnostic.
 */
export function decodeJournal(data: Buffer, file: string): Journal {
  const lines: JournalLine[] = [];
  let start = 0;
  while (start < data.length) {
    const end = data.indexOf(0x0a, start);
    const text = data.toString("utf8", start, end < 0 ? data.length : end);
    const line = decodeLine(text);
    if (end < 0) {
      if (line === undefined) return { lines, goodBytes: start, torn: true, unended: false };
      lines.push(line);
      return { lines, goodBytes: data.length, torn: false, unended: true };
    }
    if (line === undefined) refuse(file, lines.length + 1, "its checksum does not fit its content");
    lines.push(line);
    start = end + 1;
  }
  return { lines, goodBytes: data.length, torn: false, unended: false };
}

/**
 * The snapshot with the journal's entries applied. Entries that the snapshot has are skipped: a crash between writing
 * a snapshot and emptying the journal leaves them.
 */
export function replayJournal(snapshot: State, lines: readonly JournalLine[], file: string): State {
  const entries: JournalEntry[] = [];
  let sequence = snapshot.journalSequence;
  for (const [index, line] of lines.entries()) {
    if (line.seq <= snapshot.journalSequence) continue;
    if (line.lineage !== snapshot.lineage) {
      refuse(file, index + 1, `it belongs to lineage ${line.lineage}, state.json to ${snapshot.lineage}`);
    }
    if (line.serial !== snapshot.serial) {
      refuse(file, index + 1, `it continues snapshot #${line.serial}, state.json is #${snapshot.serial}`);
    }
    if (line.seq !== sequence + 1) {
      refuse(
        file,
        index + 1,
        `entry ${line.seq} follows entry ${sequence}: entries between them are missing`,
      );
    }
    sequence = line.seq;
    entries.push(line.entry);
  }
  return entries.length === 0 ? snapshot : replay(snapshot, entries, sequence);
}

function decodeLine(text: string): JournalLine | undefined {
  const tail = `,"sum":"${"0".repeat(SUM_LENGTH)}"}`.length;
  const body = `${text.slice(0, -tail)}}`;
  if (text.slice(-tail) !== `,"sum":"${sumOf(body)}"}`) return undefined;
  const value: unknown = JSON.parse(body);
  if (!isJsonObject(value) || !isEntry(value.entry)) return undefined;
  const { seq, lineage, serial } = value;
  if (typeof seq !== "number" || typeof lineage !== "string" || typeof serial !== "number") return undefined;
  return { seq, lineage, serial, entry: value.entry };
}

/** The checksum proves that vmlab wrote the entry; only the kind can be one of a later version. */
function isEntry(value: unknown): value is JournalEntry {
  const kinds: readonly unknown[] = ["intent", "done", "abandoned", "resource", "moved", "outputs"];
  return isJsonObject(value) && kinds.includes(value.kind);
}

function sumOf(body: string): string {
  return sha256(body).slice(0, SUM_LENGTH);
}

function refuse(file: string, line: number, why: string): never {
  fail({
    code: "state/journal-damaged",
    summary: `The state's journal is damaged at ${file}:${line}`,
    detail: `Line ${line} cannot be used: ${why}. Nothing was changed.`,
    range: { file, start: { line, column: 1 }, end: { line, column: 1 } },
    hint: "`vmlab state history` lists the kept older states; `vmlab state restore SERIAL` goes back to one of them.",
  });
}
