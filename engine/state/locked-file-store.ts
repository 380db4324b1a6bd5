import { dirname } from "node:path";
import { fail, isDiagnosticsError } from "../diagnostics.ts";
import { homeFrom } from "../home.ts";
import { explainWriteError } from "./file-errors.ts";
import { keepInHistory, newestSerial } from "./history.ts";
import { encodeLine } from "./journal.ts";
import type { HeldLock, LockEffects } from "./lock.ts";
import { encodeSnapshot } from "./snapshot.ts";
import { readStateFiles, SHOWN, type StateFiles, type StoredState } from "./state-files.ts";
import type { LockedStore } from "./store.ts";
import { keepTexts, type TextSource } from "./texts.ts";
import type { JournalEntry, State } from "./types.ts";

export interface LockedFileStoreOptions {
  readonly effects: LockEffects;
  readonly paths: StateFiles;
  readonly tool: string;
  readonly lock: HeldLock;
  readonly verifyPlace: (state: State) => Promise<void>;
}

/** Where the next journal line goes. */
interface Position {
  readonly lineage: string;
  readonly serial: number;
  /** Sequence number of the last durable entry. */
  sequence: number;
  /** Bytes of whole, durable lines; what stands behind them is from an append that failed. */
  journalBytes: number;
}

/**
 * The state's files while this process holds their lock. Writes happen one at a time, in the order of the calls;
 * appends that come while something is being written go out together.
 */
export class LockedFileStore implements LockedStore {
  readonly #options: LockedFileStoreOptions;
  #position: Position | undefined;
  /** The journal may hold the remains of an append that failed. */
  #needsTrim = false;
  /** Settles when the last write begun so far is over; never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting: JournalEntry[] = [];
  #nextAppend: Promise<void> | undefined;

  constructor(options: LockedFileStoreOptions) {
    this.#options = options;
  }

  read(): Promise<State | undefined> {
    return this.#inTurn(async () => {
      const stored = await this.#load();
      if (stored !== undefined) await this.#options.verifyPlace(stored.state);
      return stored?.state;
    });
  }

  initialise(state: State): Promise<void> {
    return this.#inTurn(async () => {
      const { paths, effects } = this.#options;
      const stored = await this.#load();
      if (stored !== undefined) throw new Error(`${paths.snapshot} exists already`);
      // Serials go on over the labs that this folder held before: a serial names one state for ever.
      const newest = await newestSerial(effects.files, paths.history);
      await this.#writeSnapshot({ ...state, serial: Math.max(state.serial, (newest ?? -1) + 1) });
    });
  }

  append(entries: readonly JournalEntry[]): Promise<void> {
    this.#waiting.push(...entries);
    this.#nextAppend ??= this.#inTurn(async () => {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#nextAppend = undefined;
      await this.#appendBatch(batch);
    });
    return this.#nextAppend;
  }

  checkpoint(state: State): Promise<State> {
    return this.#inTurn(async () => {
      const { serial, lineage } = await this.#currentPosition();
      if (state.lineage !== lineage)
        throw new Error(`a snapshot of ${state.lineage} cannot follow ${lineage}`);
      return await this.#replaceSnapshot(state, serial);
    });
  }

  replace(state: State): Promise<State> {
    return this.#inTurn(async () => {
      const { effects, paths } = this.#options;
      const moved = {
        ...state,
        host: await effects.host.hostId(),
        folder: dirname(paths.folder),
        home: homeFrom(effects.host.env).root,
      };
      const stored = await this.#loadIfSound();
      if (stored !== undefined) return await this.#replaceSnapshot(moved, stored.serial);
      return await this.#replaceDamaged(moved);
    });
  }

  keepTexts(texts: ReadonlyMap<string, TextSource>): Promise<void> {
    const { effects, paths } = this.#options;
    return this.#inTurn(() => keepTexts(effects.files, paths.texts, texts));
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      const { files } = this.#options.effects;
      const { paths } = this.#options;
      const stored = await this.#loadIfSound();
      try {
        // From here on the snapshot alone is the state, so that the journal can go first.
        if (stored !== undefined && stored.journal.lines.length > 0) {
          await this.#replaceSnapshot(stored.state, stored.serial);
        }
        const serial = this.#position?.serial;
        if (serial !== undefined) await keepInHistory(files, paths.history, paths.snapshot, serial);
        await files.remove(paths.journal);
        await files.remove(paths.snapshot);
        await files.remove(paths.texts);
      } catch (error) {
        this.#explain(error);
      } finally {
        this.#forget();
      }
    });
  }

  async release(): Promise<void> {
    await this.#last;
    await this.#options.lock.release();
  }

  /** Runs `action` after everything that was called before. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #appendBatch(entries: readonly JournalEntry[]): Promise<void> {
    const { files } = this.#options.effects;
    const { journal } = this.#options.paths;
    const position = await this.#currentPosition();
    const { lineage, serial } = position;
    let { sequence } = position;
    let text = "";
    for (const entry of entries) {
      sequence += 1;
      text += encodeLine({ seq: sequence, lineage, serial, entry });
    }
    try {
      if (this.#needsTrim) await this.#trim(position.journalBytes);
      if (text !== "") await files.append(journal, text);
    } catch (error) {
      // A full disk leaves half a line, which the next entry must not be glued to. The caller was told that nothing of
      // this batch counts, so whole lines of it go too.
      this.#needsTrim = true;
      await this.#trim(position.journalBytes).catch(() => undefined);
      this.#explain(error);
    }
    position.sequence = sequence;
    position.journalBytes += Buffer.byteLength(text);
  }

  async #trim(length: number): Promise<void> {
    const { files } = this.#options.effects;
    const { journal } = this.#options.paths;
    const found = await files.stat(journal);
    if (found !== undefined && found.size > length) await files.truncate(journal, length);
    this.#needsTrim = false;
  }

  /** Reads the files and notes where they end; drops the remains of an append that a crash cut short. */
  async #load(): Promise<StoredState | undefined> {
    const { effects, paths } = this.#options;
    if (this.#needsTrim && this.#position !== undefined) {
      await this.#trim(this.#position.journalBytes).catch((error: unknown) => this.#explain(error));
    }
    this.#forget();
    const stored = await readStateFiles(effects, paths);
    if (stored === undefined) return undefined;
    const { journal, state, serial } = stored;
    let { goodBytes } = journal;
    try {
      if (journal.torn) await effects.files.truncate(paths.journal, goodBytes);
      if (journal.unended) {
        await effects.files.append(paths.journal, "\n");
        goodBytes += 1;
      }
    } catch (error) {
      this.#explain(error);
    }
    const { lineage, journalSequence } = state;
    this.#position = { lineage, serial, sequence: journalSequence, journalBytes: goodBytes };
    return stored;
  }

  async #loadIfSound(): Promise<StoredState | undefined> {
    try {
      return await this.#load();
    } catch (error) {
      // What is replaced or cleared need not be whole.
      if (isDiagnosticsError(error)) return undefined;
      throw error;
    }
  }

  async #currentPosition(): Promise<Position> {
    if (this.#position === undefined) await this.#load();
    if (this.#position !== undefined) return this.#position;
    return fail({
      code: "state/missing",
      summary: `${SHOWN.snapshot} is gone`,
      detail: "It was removed while this command was running.",
      hint: "Put it back from a backup, or go back to a kept state with `vmlab state restore SERIAL`.",
    });
  }

  async #replaceSnapshot(state: State, serial: number): Promise<State> {
    const { effects, paths } = this.#options;
    const next: State = {
      ...state,
      serial: serial + 1,
      tool: this.#options.tool,
      journalSequence: (await this.#currentPosition()).sequence,
    };
    try {
      await keepInHistory(effects.files, paths.history, paths.snapshot, serial);
    } catch (error) {
      this.#explain(error);
    }
    await this.#writeSnapshot(next);
    await this.#emptyJournal();
    return next;
  }

  /** What cannot be read is set aside for people to look at, and the serial goes beyond all that are known. */
  async #replaceDamaged(state: State): Promise<State> {
    const { effects, paths } = this.#options;
    const newest = await newestSerial(effects.files, paths.history);
    const serial = Math.max(state.serial, newest ?? 0) + 1;
    const next: State = { ...state, serial, tool: this.#options.tool, journalSequence: 0 };
    const mark = new Date(effects.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const setAside = (path: string): string => `${path}.damaged-${mark}`;
    // In this order every crash leaves a state that is refused, or the new one.
    try {
      if ((await effects.files.stat(paths.snapshot)) !== undefined) {
        await effects.files.link(paths.snapshot, setAside(paths.snapshot));
      }
      await this.#writeSnapshot(next);
      if ((await effects.files.stat(paths.journal)) !== undefined) {
        await effects.files.rename(paths.journal, setAside(paths.journal));
      }
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#forget();
    }
    return next;
  }

  async #writeSnapshot(state: State): Promise<void> {
    const { files } = this.#options.effects;
    const { snapshot, journal } = this.#options.paths;
    try {
      await files.write(snapshot, encodeSnapshot(state));
    } catch (error) {
      // Which of the two snapshots is there is known only by looking.
      this.#forget();
      this.#explain(error);
    }
    const { lineage, serial, journalSequence } = state;
    const journalBytes = (await files.stat(journal))?.size ?? 0;
    this.#position = { lineage, serial, sequence: journalSequence, journalBytes };
  }

  async #emptyJournal(): Promise<void> {
    const { files } = this.#options.effects;
    const { journal } = this.#options.paths;
    if (this.#position === undefined || this.#position.journalBytes === 0) return;
    try {
      await files.truncate(journal, 0);
    } catch (error) {
      this.#forget();
      this.#explain(error);
    }
    this.#position.journalBytes = 0;
    this.#needsTrim = false;
  }

  #forget(): void {
    this.#position = undefined;
    this.#needsTrim = false;
  }

  #explain(error: unknown): never {
    return explainWriteError(error, this.#options.paths.folder);
  }
}
