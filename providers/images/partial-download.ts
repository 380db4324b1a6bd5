/** The files of a download that is not complete: `downloads/NAME.part` and, about it, `NAME.json`. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { isJsonObject, sha256 } from "../../engine/json.ts";
import { publicUrl } from "./image-url.ts";

export interface Partial {
  /** What both files are called, from the URL. */
  readonly name: string;
  readonly path: string;
  readonly metaPath: string;
}

/** What must still hold of the server's file when a download goes on. */
export interface PartialMeta {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly validator?: string;
}

export function partialOf(home: Home, url: string): Partial {
  const name = sha256(publicUrl(url)).slice(0, 32);
  return { name, path: join(home.downloads, `${name}.part`), metaPath: join(home.downloads, `${name}.json`) };
}

/** What is there of a download; undefined when there is nothing to go on from. */
export async function readPartial(
  effects: Pick<Effects, "files">,
  partial: Partial,
  url: string,
): Promise<{ readonly bytes: number; readonly meta: PartialMeta } | undefined> {
  const bytes = (await effects.files.stat(partial.path))?.size ?? 0;
  if (bytes === 0) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(await effects.files.readText(partial.metaPath));
  } catch {
    return undefined;
  }
  if (!isJsonObject(data) || data.url !== publicUrl(url)) return undefined;
  return { bytes, meta: data as unknown as PartialMeta };
}

/** Begins anew: an older part is removed before the facts about the new one are written. */
export async function beginPartial(
  effects: Pick<Effects, "files">,
  home: Home,
  partial: Partial,
  meta: PartialMeta,
): Promise<void> {
  await effects.files.makeDir(home.downloads);
  await effects.files.remove(partial.path);
  await effects.files.write(partial.metaPath, JSON.stringify(meta));
}

/** The header for If-Range (RFC 9110, 13.1.5): weak tags do not prove that bytes are the same. */
export function rangeCondition(meta: PartialMeta): string | undefined {
  return meta.etag !== undefined && !meta.etag.startsWith("W/") ? meta.etag : meta.lastModified;
}
