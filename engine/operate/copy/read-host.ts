/** Files of this host as entries. */
import { join } from "node:path";
import { fail, systemErrorCode } from "../../diagnostics.ts";
import type { Files, LinkStat } from "../../effects.ts";
import { type CopyCall, type CopyEntry, type EntryPath, MODE_BITS, type OpenSource } from "./entry.ts";
import type { HostPlace } from "./place.ts";

/** One file, folder or link as it was found. */
export interface Scanned {
  readonly path: EntryPath;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
  /** Of a link. */
  readonly target?: string;
}

const CHUNK_BYTES = 1024 * 1024;

export async function openHostSource(
  files: Files,
  place: HostPlace,
  options: { readonly recursive: boolean },
  call: CopyCall,
): Promise<OpenSource> {
  const { text, path, name } = place;
  const root = await files.stat(path);
  if (root === undefined || (root.kind !== "folder" && place.mustBeFolder)) {
    fail({
      code: "cp/no-source",
      summary: root === undefined ? `there is no ${text}` : `${text} is no folder`,
      hint: "Check the path. Of a VM's file write VM:PATH.",
    });
  }
  if (root.kind === "folder" && !options.recursive) needsRecursive(text);
  const scanned =
    root.kind === "folder" ? await scanFolder(files, path, call) : scannedRoot(root, text, call);
  call.expected(scanned.reduce((sum, { size }) => sum + size, 0));
  return {
    kind: root.kind === "folder" ? "folder" : "file",
    name,
    entries: entriesOf(files, path, scanned, call),
    close: () => undefined,
  };
}

export function needsRecursive(text: string): never {
  fail({
    code: "cp/is-folder",
    summary: `${text} is a folder`,
    hint: "Add -r to copy it with what is in it.",
  });
}

function scannedRoot(stat: LinkStat, text: string, call: CopyCall): Scanned[] {
  const scanned = scannedOf([], stat);
  if (scanned === undefined) call.skipped(`${text} (neither file nor folder)`);
  return scanned === undefined ? [] : [scanned];
}

/** A folder and everything below it, each folder before what is in it, in the order of names. Links are not followed. */
export async function scanFolder(
  files: Files,
  root: string,
  call: Pick<CopyCall, "signal" | "skipped">,
): Promise<Scanned[]> {
  const found: Scanned[] = [];
  const waiting: EntryPath[] = [[]];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    call.signal.throwIfAborted();
    const full = join(root, ...path);
    const stat = path.length === 0 ? await files.stat(full) : await files.linkStat(full);
    // Gone since its folder was listed.
    if (stat === undefined) continue;
    const target = stat.kind === "link" ? await files.readLink(full) : undefined;
    const scanned = scannedOf(path, stat, target);
    if (scanned === undefined) {
      call.skipped(`${full} (neither file nor folder)`);
      continue;
    }
    found.push(scanned);
    if (stat.kind !== "folder") continue;
    const names = await readable(full, () => files.list(full));
    for (const name of names.reverse()) waiting.push([...path, name]);
  }
  return found;
}

function scannedOf(path: EntryPath, stat: LinkStat, target?: string): Scanned | undefined {
  const { kind, mode, size, mtimeMs, inode } = stat;
  if (kind === "other") return undefined;
  const facts = { path, kind, mode: mode & MODE_BITS, size: kind === "file" ? size : 0, mtimeMs, inode };
  return target === undefined ? facts : { ...facts, target };
}

/** What was scanned, with the content of files as it is now. */
export async function* entriesOf(
  files: Files,
  root: string,
  scanned: Iterable<Scanned>,
  call: CopyCall,
): AsyncGenerator<CopyEntry> {
  for (const { path, kind, mode, size, target } of scanned) {
    call.signal.throwIfAborted();
    if (kind === "folder") yield { kind, path, mode };
    else if (kind === "link") yield { kind, path, target: target ?? "" };
    else {
      yield { kind, path, mode, size, body: bodyOf(files, join(root, ...path), size, call) };
      call.arrived();
    }
  }
}

/** Exactly as many bytes as were announced, also of a file that has grown since. */
async function* bodyOf(
  files: Files,
  path: string,
  size: number,
  { signal, moved }: CopyCall,
): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < size; ) {
    signal.throwIfAborted();
    const length = Math.min(CHUNK_BYTES, size - position);
    const chunk = await readable(path, () => files.readPart(path, position, length));
    if (chunk.length === 0) {
      fail({
        code: "cp/changed",
        summary: `${path} became shorter while it was being copied`,
        detail: "The copy of it is not whole.",
        hint: "Copy it again when nothing writes to it.",
      });
    }
    yield chunk;
    moved(chunk.length);
    position += chunk.length;
  }
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOENT") throw error;
    return fail(
      {
        code: "cp/unreadable",
        summary:
          code === "ENOENT" ? `${path} went away while it was being copied` : `${path} must not be read`,
        hint: "Files that came before it are copied. Mend it, or leave it out, and copy again.",
      },
      error,
    );
  }
}
