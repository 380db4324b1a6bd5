/** A folder that is looked at again whenever it may have changed. */
import type { Effects } from "../../effects.ts";
import { type Scanned, scanFolder } from "./read-host.ts";

/** What is in the folder, by path with `/`; without the folder itself. */
export type FolderFacts = ReadonlyMap<string, Scanned>;

export interface FolderChanges {
  /** New or different, each folder before what is in it. */
  readonly changed: readonly Scanned[];
  /** What is gone, only the highest of each; with a slash for folders. */
  readonly gone: readonly string[];
  /** What became another kind of thing, and has to go before the new one comes. */
  readonly inTheWay: readonly string[];
}

/** Between two looks when nothing is heard: not every file system tells of changes, and none tells of all. */
const LOOK_MS = 2000;
/** How long it has to be quiet before a look, as a change seldom comes alone. */
const QUIET_MS = 150;

export class FolderWatch {
  readonly #effects: Pick<Effects, "files" | "clock">;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  #heard = 0;
  #wake: () => void = () => undefined;

  constructor(effects: Pick<Effects, "files" | "clock">, folder: string, signal: AbortSignal) {
    this.#effects = effects;
    this.#folder = folder;
    this.#signal = signal;
    effects.files.watch(
      folder,
      () => {
        this.#heard += 1;
        this.#wake();
      },
      signal,
    );
  }

  /** What is in the folder now; undefined when it is not there. */
  async look(): Promise<FolderFacts | undefined> {
    const { files } = this.#effects;
    if ((await files.stat(this.#folder))?.kind !== "folder") return undefined;
    const call = { signal: this.#signal, skipped: () => undefined };
    const found = await scanFolder(files, this.#folder, call);
    // It went away under the look.
    if (found.length === 0) return undefined;
    return new Map(found.slice(1).map((scanned) => [scanned.path.join("/"), scanned]));
  }

  /** Resolves when it is time for another look; rejects when the signal is aborted. */
  async nextTime(): Promise<void> {
    const { clock } = this.#effects;
    if (this.#heard === 0) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await clock.sleep(LOOK_MS, AbortSignal.any([this.#signal, woken.signal])).catch(() => undefined);
    }
    while (this.#heard > 0) {
      this.#heard = 0;
      await clock.sleep(QUIET_MS, this.#signal);
    }
    this.#signal.throwIfAborted();
  }
}

export function changesBetween(before: FolderFacts, after: FolderFacts): FolderChanges {
  const changed = [...after].flatMap(([key, scanned]) => (isSame(before.get(key), scanned) ? [] : [scanned]));
  const inTheWay = changed
    .map(({ path }) => path.join("/"))
    .filter((key) => (before.get(key)?.kind ?? after.get(key)?.kind) !== after.get(key)?.kind);
  const isGone = (key: string): boolean => before.has(key) && !after.has(key);
  const gone = [...before]
    .filter(([key, { path }]) => isGone(key) && !isGone(path.slice(0, -1).join("/")))
    .filter(([, { path }]) => !inTheWay.includes(path.slice(0, -1).join("/")))
    .map(([key, { kind }]) => (kind === "folder" ? `${key}/` : key));
  return { changed, gone, inTheWay };
}

/** A folder's time and size change with what is in it, which stands for itself. */
function isSame(before: Scanned | undefined, after: Scanned): boolean {
  if (before === undefined || before.kind !== after.kind || before.mode !== after.mode) return false;
  if (after.kind === "folder") return true;
  return (
    before.size === after.size &&
    before.mtimeMs === after.mtimeMs &&
    before.inode === after.inode &&
    before.target === after.target
  );
}
