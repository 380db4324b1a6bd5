import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import {
  appendFile,
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { dirname } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";
import type { FileStat, Files, LinkStat } from "../effects.ts";
import { copySparse } from "./copy-file.ts";
import { downloadTo } from "./download.ts";
import { appendDurably, createAtomically, syncFolder, writeAtomically } from "./durable-file.ts";
import { receive } from "./receive-file.ts";
import { watchFolder } from "./watch-folder.ts";

const HASH_CHUNK_BYTES = 1024 * 1024;
/** What stat counts blocks in, whatever the file system's own block size. */
const STAT_BLOCK_BYTES = 512;

export const nodeFiles: Files = {
  readText: (path) => readFile(path, "utf8"),
  read: (path) => readFile(path),
  readPart,
  stat: statOf,
  linkStat,
  readLink: (path) => readlink(path),
  realPath,
  list,
  sha256: hashOf,
  write: (path, data, options) => writeAtomically(path, data, options?.mode ?? 0o600),
  createExclusive: (path, data, options) => createAtomically(path, data, options?.mode ?? 0o600),
  append: appendDurably,
  jot: (path, data) => appendFile(path, data, { mode: 0o600 }),
  receive,
  copy: copySparse,
  async link(from, to) {
    await link(from, to);
    await syncFolder(dirname(to));
  },
  async symlink(target, path) {
    await symlink(target, path);
    await syncFolder(dirname(path));
  },
  async rename(from, to) {
    await rename(from, to);
    await syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
  },
  remove,
  makeDir,
  chmod: (path, mode) => chmod(path, mode),
  async truncate(path, length) {
    const handle = await open(path, "r+");
    try {
      await handle.truncate(length);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  watch: watchFolder,
  download: downloadTo,
};

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

async function readPart(path: string, position: number, length: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

async function statOf(path: string): Promise<FileStat | undefined> {
  try {
    return factsOf(await stat(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function linkStat(path: string): Promise<LinkStat | undefined> {
  try {
    const found = await lstat(path);
    return found.isSymbolicLink() ? { ...factsOf(found), kind: "link" } : factsOf(found);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function factsOf(found: Stats): FileStat {
  return {
    kind: found.isFile() ? "file" : found.isDirectory() ? "folder" : "other",
    size: found.size,
    allocated: found.blocks * STAT_BLOCK_BYTES,
    mtimeMs: found.mtimeMs,
    inode: found.ino,
    mode: found.mode & 0o7777,
  };
}

async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function hashOf(
  path: string,
  options: { signal?: AbortSignal; progress?: (bytes: number) => void; algorithm?: "sha256" | "sha512" } = {},
): Promise<string> {
  const { signal, progress, algorithm = "sha256" } = options;
  signal?.throwIfAborted();
  const hash = createHash(algorithm);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: HASH_CHUNK_BYTES })) {
    signal?.throwIfAborted();
    hash.update(chunk);
    done += chunk.length;
    progress?.(done);
  }
  return hash.digest("hex");
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  try {
    await syncFolder(dirname(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function makeDir(path: string, options: { mode?: number } = {}): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: options.mode ?? 0o700 });
  if (first === undefined) return;
  // Every folder that was made is an entry of its parent.
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

function isMissing(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}
