/** Entries into a folder of this host. They come from a guest: nothing is written outside of the destination, not
 * through links either, whether the guest sent them now, in an earlier copy, or they were there before. */
import { dirname, join } from "node:path";
import { fail, systemErrorCode } from "../../diagnostics.ts";
import type { Files } from "../../effects.ts";
import type { CopyCall, CopyEntry, EntryPath, OpenSource } from "./entry.ts";
import type { HostPlace } from "./place.ts";
import { unsafe } from "./tar-entries.ts";

export interface HostTarget {
  readonly place: HostPlace;
  readonly several: boolean;
  /** The VM that it comes from. */
  readonly vm: string;
}

export async function writeToHost(
  files: Files,
  target: HostTarget,
  source: OpenSource,
  call: CopyCall,
): Promise<void> {
  const root = await rootFor(files, target, source);
  const writer = new Writer(files, root, target.vm, call);
  try {
    for await (const entry of source.entries) await writer.take(entry);
    await writer.finish();
  } catch (error) {
    const code = systemErrorCode(error);
    const known = code === undefined ? undefined : WHY[code];
    if (known === undefined) throw error;
    fail(
      {
        code: "cp/not-written",
        summary: `${(error as { path?: string }).path ?? root} cannot be written: ${known}`,
        detail: "Files that came before are whole.",
        hint: "Mend that, or name another destination, and copy again.",
      },
      error,
    );
  }
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: "no permission",
  EPERM: "not permitted",
  EROFS: "its file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  ENAMETOOLONG: "its name is too long",
};

/** What the copied itself becomes here. */
async function rootFor(files: Files, { place, several }: HostTarget, source: OpenSource): Promise<string> {
  const { text } = place;
  // A link that the user named is followed; none below is.
  const path = (await files.realPath(place.path)) ?? place.path;
  const found = await files.stat(path);
  if (found?.kind === "folder") return source.name === undefined ? path : join(path, source.name);
  if ((several || place.mustBeFolder) && source.name !== undefined) {
    fail({
      code: "cp/not-a-folder",
      summary: found === undefined ? `there is no folder ${text}` : `${text} is no folder`,
      hint: "Make it first, or name one that is there.",
    });
  }
  if (found !== undefined && source.kind === "folder") {
    fail({
      code: "cp/not-a-folder",
      summary: `${text} is a file, and a folder cannot take its place`,
      hint: "Name another destination, or remove the file.",
    });
  }
  if ((await files.stat(dirname(path)))?.kind !== "folder") {
    fail({
      code: "cp/no-folder",
      summary: `there is no folder ${dirname(path)}`,
      hint: "Make it first, or name one that is there.",
    });
  }
  return path;
}

class Writer {
  readonly #files: Files;
  readonly #root: string;
  readonly #vm: string;
  readonly #call: CopyCall;
  /** Folders that are known to be real ones. */
  readonly #sound = new Set<string>();
  /** Folders that were made, with the modes they get when nothing more is written into them. */
  readonly #made = new Map<string, number>();
  /** Made last, so that nothing can be written through them. */
  readonly #links: { readonly path: EntryPath; readonly target: string }[] = [];
  readonly #written = new Map<string, number>();

  constructor(files: Files, root: string, vm: string, call: CopyCall) {
    this.#files = files;
    this.#root = root;
    this.#vm = vm;
    this.#call = call;
  }

  async take(entry: CopyEntry): Promise<void> {
    this.#call.signal.throwIfAborted();
    const { path } = entry;
    switch (entry.kind) {
      case "folder":
        await this.#folder(path, entry.mode);
        return;
      case "link":
        this.#links.push({ path, target: entry.target });
        return;
      case "twin": {
        const mode = this.#written.get(entry.of.join("/"));
        if (mode === undefined)
          unsafe(this.#vm, entry.of.join("/"), "It is called a second name of a file that did not come.");
        const place = await this.#placeFor(path);
        await this.#files.receive(place, this.#again(entry.of), { mode, signal: this.#call.signal });
        this.#written.set(path.join("/"), mode);
        return;
      }
      case "file": {
        const place = await this.#placeFor(path);
        await this.#files.receive(place, entry.body, { mode: entry.mode, signal: this.#call.signal });
        this.#written.set(path.join("/"), entry.mode);
      }
    }
  }

  async finish(): Promise<void> {
    for (const { path, target } of this.#links) {
      const place = await this.#placeFor(path);
      await this.#files.remove(place);
      await this.#files.symlink(target, place);
    }
    for (const [folder, mode] of [...this.#made].reverse()) await this.#files.chmod(folder, mode);
  }

  async *#again(path: EntryPath): AsyncGenerator<Uint8Array> {
    const place = await this.#placeFor(path);
    for (let position = 0; ; ) {
      const chunk = await this.#files.readPart(place, position, 1024 * 1024);
      if (chunk.length === 0) return;
      yield chunk;
      position += chunk.length;
    }
  }

  /** Where a file or link goes: its folders are real ones, and what is there already is no folder. */
  async #placeFor(path: EntryPath): Promise<string> {
    for (let depth = 0; depth < path.length; depth++) await this.#folder(path.slice(0, depth));
    const place = join(this.#root, ...path);
    if ((await this.#files.linkStat(place))?.kind !== "folder") return place;
    return fail({
      code: "cp/not-written",
      summary: `${place} is a folder, and a file cannot take its place`,
      hint: "Remove it, or name another destination, and copy again.",
    });
  }

  /** One that was there keeps its mode. */
  async #folder(path: EntryPath, mode?: number): Promise<void> {
    for (let depth = 0; depth < path.length; depth++) {
      const above = join(this.#root, ...path.slice(0, depth));
      if (!this.#sound.has(above)) await this.#folder(path.slice(0, depth));
    }
    const place = join(this.#root, ...path);
    if (!this.#sound.has(place)) {
      const found = await this.#files.linkStat(place);
      if (found === undefined) {
        await this.#files.makeDir(place);
        this.#made.set(place, 0o755);
      } else if (found.kind !== "folder") this.#notFolder(place, found.kind);
      this.#sound.add(place);
    }
    if (mode !== undefined && this.#made.has(place)) this.#made.set(place, mode);
  }

  #notFolder(place: string, kind: string): never {
    fail({
      code: "cp/not-written",
      summary: `${place} is a ${kind}, where ${this.#vm} has a folder`,
      detail:
        kind === "link"
          ? "Nothing is written through links: they may lead anywhere."
          : "It was left as it is.",
      hint: "Remove it, or name another destination, and copy again.",
    });
  }
}
