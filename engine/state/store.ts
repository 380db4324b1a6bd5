/** Where a lab's state is kept. One contract suite (test/engine/state) runs over every implementation. */
import type { EventSink } from "../events.ts";
import type { TextSource } from "./texts.ts";
import type { JournalEntry, LockHolder, State } from "./types.ts";

export interface StateStore {
  /**
   * The state with its journal replayed; undefined for a lab that has none. A state that fails verification is
   * refused with diagnostics that name the way back. Takes no lock and writes nothing.
   */
  read(): Promise<State | undefined>;
  /** Takes the lock, waiting up to `timeoutMs` (0: not at all). A holder that is provably dead is taken over. */
  lock(
    command: string,
    options: { timeoutMs: number; events?: EventSink; signal?: AbortSignal },
  ): Promise<LockedStore>;
  /** Who holds the lock now, and whether that process still lives (undefined: another host, cannot tell). */
  lockHolder(): Promise<{ holder: LockHolder; alive: boolean | undefined } | undefined>;
  /** Removes the lock whoever holds it; for `state unlock`. */
  breakLock(): Promise<void>;
  /** Serials with time (ms since the epoch) of the kept older snapshots, newest first. */
  history(): Promise<readonly HistoryEntry[]>;
  readHistory(serial: number): Promise<State>;
  /** A text that was kept ({@link LockedStore.keepTexts}), by the SHA-256 of its bytes. */
  readText(sha256: string): Promise<string | undefined>;
}

export interface HistoryEntry {
  readonly serial: number;
  readonly savedAt: number;
  readonly resources: number;
}

/** The store while this process holds its lock. */
export interface LockedStore {
  /** As {@link StateStore.read}; additionally repairs a torn last journal line. */
  read(): Promise<State | undefined>;
  /** Writes the first snapshot of a lab. */
  initialise(state: State): Promise<void>;
  /** Durable when resolved. Entries appended at the same time share one fsync (group commit), in call order. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  /** Folds `state` into a new snapshot (serial + 1), keeps the old one in the history, empties the journal. */
  checkpoint(state: State): Promise<State>;
  /** Replaces the state as a whole, for restore and adopt; the old one goes to the history. */
  replace(state: State): Promise<State>;
  /** Keeps these texts, as far as they can be had, and no others, for showing later what changed in them. */
  keepTexts(texts: ReadonlyMap<string, TextSource>): Promise<void>;
  /** Removes state, journal and texts (after destroy); history stays. */
  clear(): Promise<void>;
  release(): Promise<void>;
}
