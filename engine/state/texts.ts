/** Texts kept beside the state, by the SHA-256 of their bytes: `.vmlab/texts/HASH`. */

import { join } from "node:path";
import type { Files } from "../effects.ts";
import { readTextIfThere } from "../read-text-if-there.ts";

const HASH = /^[0-9a-f]{64}$/;

/** A text by its SHA-256; the function reads it where it still is, or answers undefined. */
export type TextSource = () => Promise<string | undefined>;

export async function readText(files: Files, folder: string, sha256: string): Promise<string | undefined> {
  if (!HASH.test(sha256)) return undefined;
  return await readTextIfThere(files, join(folder, sha256));
}

/** Afterwards the folder holds these texts, as far as they could be had, and no others. */
export async function keepTexts(
  files: Files,
  folder: string,
  texts: ReadonlyMap<string, TextSource>,
): Promise<void> {
  const kept = new Set(await files.list(folder));
  for (const [hash, read] of texts) {
    if (kept.has(hash) || !HASH.test(hash)) continue;
    const text = await read();
    if (text === undefined) continue;
    await files.makeDir(folder);
    await files.write(join(folder, hash), text);
  }
  for (const hash of kept) if (HASH.test(hash) && !texts.has(hash)) await files.remove(join(folder, hash));
}
