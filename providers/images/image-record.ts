/** image.json: what the store knows of an image, beside its disk. */
import type { FileStat } from "../../engine/effects.ts";
import { isJsonObject } from "../../engine/json.ts";

/** The version that this vmlab writes. */
const RECORD_VERSION = 1;

export interface ImageRecord {
  readonly version: typeof RECORD_VERSION;
  /** SHA-256 of disk.qcow2, lower-case hex; the name of the folder. */
  readonly digest: string;
  /** Keys of the recipes that led here, oldest first. */
  readonly keys: readonly string[];
  readonly kind: "url" | "path" | "bootstrap";
  /** Where it came from, for people; no credentials. */
  readonly source: string;
  /** Format of the source: `qcow2`, `raw`, `raw.xz`, … */
  readonly format: string;
  /** Bytes: what a guest sees, and the file itself. */
  readonly virtual_size: number;
  readonly size: number;
  /** ISO 8601. */
  readonly created: string;
  /** Of the file as it entered the store: the cheap check that nobody touched it. Milliseconds since the epoch. */
  readonly mtime: number;
  readonly inode: number;
  /** Checksum of the file behind the URL or path, `sha256:HEX` or `sha512:HEX`. */
  readonly checksum?: string;
  /** Bytes downloaded. */
  readonly download?: number;
  /** ETag, Last-Modified or size: changes when the file behind the URL does. */
  readonly validator?: string;
  /** What a bootstrap installed, of which recipe, from an archive in which state. */
  readonly release?: string;
  readonly recipe?: number;
  readonly archive?: string;
}

/** What is known before the disk lies in the store. */
export type ImageFacts = Omit<
  ImageRecord,
  "version" | "digest" | "keys" | "size" | "created" | "mtime" | "inode"
>;

export function imageRecord(
  facts: ImageFacts,
  stored: { digest: string; key: string; file: FileStat; now: number },
): ImageRecord {
  return {
    version: RECORD_VERSION,
    digest: stored.digest,
    keys: [stored.key],
    ...facts,
    size: stored.file.size,
    created: new Date(stored.now).toISOString(),
    mtime: stored.file.mtimeMs,
    inode: stored.file.inode,
  };
}

export function formatRecord(record: ImageRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Undefined for what is damaged, of another digest, or of a newer version. */
export function parseRecord(text: string, digest: string): ImageRecord | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(data) || data.version !== RECORD_VERSION || data.digest !== digest) return undefined;
  const numbers = [data.virtual_size, data.size, data.mtime, data.inode];
  const texts = [data.kind, data.source, data.format, data.created];
  if (
    !numbers.every((value) => typeof value === "number") ||
    !texts.every((value) => typeof value === "string")
  )
    return undefined;
  if (!Array.isArray(data.keys) || !data.keys.every((key) => typeof key === "string")) return undefined;
  return data as unknown as ImageRecord;
}
