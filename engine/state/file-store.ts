import { dirname } from "node:path";
import type { EventSink } from "../events.ts";
import { explainWriteError } from "./file-errors.ts";
import { listHistory, readFromHistory } from "./history.ts";
import { acquireLock, breakLock, type LockEffects, readLock } from "./lock.ts";
import { LockedFileStore } from "./locked-file-store.ts";
import { readStateFiles, SHOWN, type StateFiles, stateFilesIn } from "./state-files.ts";
import type { HistoryEntry, LockedStore, StateStore } from "./store.ts";
import { readText } from "./texts.ts";
import type { LockHolder, State } from "./types.ts";
import { verifyPlace } from "./verify-place.ts";

export interface FileStoreOptions {
  readonly effects: LockEffects;
  /** Absolute path of the lab's `.vmlab` folder; made by the first lock. */
  readonly folder: string;
  /** Version of this vmlab, recorded in each snapshot. */
  readonly tool: string;
  /** Accepts a state whose home is another host or folder; for `state adopt`. */
  readonly anyPlace?: boolean;
}

/** A lab's state in files beside lab.toml: `state.json`, `journal.ndjson`, `lock`, `history/`. */
export class FileStore implements StateStore {
  readonly #effects: LockEffects;
  readonly #paths: StateFiles;
  readonly #tool: string;
  readonly #anyPlace: boolean;

  constructor(options: FileStoreOptions) {
    this.#effects = options.effects;
    this.#paths = stateFilesIn(options.folder);
    this.#tool = options.tool;
    this.#anyPlace = options.anyPlace ?? false;
  }

  async read(): Promise<State | undefined> {
    const stored = await readStateFiles(this.#effects, this.#paths);
    if (stored !== undefined && !this.#anyPlace) await this.#verifyPlace(stored.state);
    return stored?.state;
  }

  async lock(
    command: string,
    options: { timeoutMs: number; events?: EventSink; signal?: AbortSignal },
  ): Promise<LockedStore> {
    try {
      await this.#effects.files.makeDir(this.#paths.folder);
    } catch (error) {
      explainWriteError(error, this.#paths.folder);
    }
    const lock = await acquireLock(this.#effects, this.#paths.lock, {
      ...options,
      command,
      what: "The state of this lab",
      unlock: "vmlab state unlock",
    });
    return new LockedFileStore({
      effects: this.#effects,
      paths: this.#paths,
      tool: this.#tool,
      lock,
      verifyPlace: async (state) => {
        if (!this.#anyPlace) await this.#verifyPlace(state);
      },
    });
  }

  lockHolder(): Promise<{ holder: LockHolder; alive: boolean | undefined } | undefined> {
    return readLock(this.#effects, this.#paths.lock);
  }

  breakLock(): Promise<void> {
    return breakLock(this.#effects, this.#paths.lock);
  }

  history(): Promise<readonly HistoryEntry[]> {
    return listHistory(this.#effects.files, this.#paths.history);
  }

  readHistory(serial: number): Promise<State> {
    return readFromHistory(this.#effects.files, this.#paths.history, serial, SHOWN.history);
  }

  readText(sha256: string): Promise<string | undefined> {
    return readText(this.#effects.files, this.#paths.texts, sha256);
  }

  #verifyPlace(state: State): Promise<void> {
    return verifyPlace(this.#effects, state, dirname(this.#paths.folder));
  }
}
