/** SHA-256 of local image files, remembered by size, time and inode, so that a plan need not read gigabytes. */
import { join } from "node:path";
import type { Effects, FileStat } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { isJsonObject, sha256 } from "../../engine/json.ts";

/** A file that was changed just before it was read may be changed again within the same tick of its clock. */
const SETTLED_MS = 2000;

/** The digest of a file, from the cache where it still holds. Writes nothing. */
export async function fileDigest(
  effects: Pick<Effects, "files">,
  home: Home,
  path: string,
  file: FileStat,
  signal?: AbortSignal,
): Promise<string> {
  return (
    (await remembered(effects, home, path, file)) ??
    effects.files.sha256(path, signal === undefined ? {} : { signal })
  );
}

/** Remembers a digest for later plans. */
export async function rememberFileDigest(
  effects: Pick<Effects, "files" | "clock">,
  home: Home,
  path: string,
  file: FileStat,
  digest: string,
): Promise<void> {
  if (effects.clock.now() - file.mtimeMs < SETTLED_MS) return;
  await effects.files.makeDir(home.cache);
  const { size, mtimeMs, inode } = file;
  await effects.files.write(
    cacheFile(home, path),
    JSON.stringify({ path, size, mtimeMs, inode, sha256: digest }),
  );
}

async function remembered(
  effects: Pick<Effects, "files">,
  home: Home,
  path: string,
  file: FileStat,
): Promise<string | undefined> {
  let entry: unknown;
  try {
    entry = JSON.parse(await effects.files.readText(cacheFile(home, path)));
  } catch {
    return undefined;
  }
  if (!isJsonObject(entry) || typeof entry.sha256 !== "string" || entry.path !== path) return undefined;
  const same = entry.size === file.size && entry.mtimeMs === file.mtimeMs && entry.inode === file.inode;
  return same ? entry.sha256 : undefined;
}

function cacheFile(home: Home, path: string): string {
  return join(home.cache, `file-digest-${sha256(path).slice(0, 32)}.json`);
}
