/** image.json: what the store knows of an image, beside its disk. */
import type { FileStat } from "../../engine/effects.ts";
import { isJsonObject } from "../../engine/json.ts";

/** The version that this vmlab writes. */
const RECORD_VERSION = 1;

export type ImageKind = "url" | "path" | "bootstrap" | "role" | "custom" | "export" | "import";

export interface ImageRecord {
  readonly version: typeof RECORD_VERSION;
  /** SHA-256 of disk.qcow2, lower-case hex; the name of the folder. */
  readonly digest: string;
  /** Keys of the recipes that led here, oldest first. */
  readonly keys: readonly string[];
  readonly kind: ImageKind;
  /** Where it came from, for people; no credentials. */
  readonly source: string;
  /** What people call it: `noble`, `noble-docker`, `web`. Two images may have the same name. */
  readonly name?: string;
  /** Digest of the image that the disk is an overlay on, at `../DIGEST/disk.qcow2` from its own folder. */
  readonly parent?: string;
  /** Address of the resource that it was first made for: `role.docker`. */
  readonly address?: string;
  /** The catalogue's role that its recipe uses. */
  readonly use?: string;
  /** Distribution and release, such as `debian-12`. */
  readonly os?: string;
  /** Login user of VMs on it. */
  readonly user?: string;
  /** The recipe, a line a step: `packages git make`, `script scripts/web.sh`. */
  readonly steps?: readonly string[];
  /** Milliseconds that the build took. */
  readonly build_ms?: number;
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
  /** Why it must not be used, when its bytes were read and found to be others than they should be. */
  readonly damaged?: string;
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
  "version" | "digest" | "keys" | "size" | "created" | "mtime" | "inode" | "damaged"
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
  if (!isTextList(data.keys) || (data.steps !== undefined && !isTextList(data.steps))) return undefined;
  if (!OPTIONAL_TEXTS.every((field) => ["string", "undefined"].includes(typeof data[field])))
    return undefined;
  // It becomes part of a path.
  if (typeof data.parent === "string" && !/^[0-9a-f]{64}$/.test(data.parent)) return undefined;
  return data as unknown as ImageRecord;
}

const OPTIONAL_TEXTS = [
  ...["name", "parent", "address", "use", "os", "user"],
  ...["damaged", "checksum", "validator", "release", "archive"],
];

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
