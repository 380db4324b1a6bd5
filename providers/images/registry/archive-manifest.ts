/** manifest.json of an image archive: what the archive holds, lowest layer first. */
import { canonicalJson, isJsonObject, sha256 } from "../../../engine/json.ts";
import { formatRecord, type ImageRecord, parseRecord } from "../image-record.ts";

/** The version that this vmlab writes; newer ones are refused. */
export const ARCHIVE_VERSION = 1;

/** The first member of an archive. */
export const MANIFEST = "manifest.json";

export interface ArchiveManifest {
  readonly version: typeof ARCHIVE_VERSION;
  /** Digest of the image that was asked for: the highest layer. */
  readonly image: string;
  readonly layers: readonly ArchiveLayer[];
}

export interface ArchiveLayer {
  readonly record: ImageRecord;
  /** Of the disk, as in the record; bytes. */
  readonly sha256: string;
  readonly size: number;
}

/** Where a layer's disk lies in the archive. */
export function diskMember(digest: string): string {
  return `layers/${digest}/disk.qcow2`;
}

/** With a checksum of itself, so that a damaged name or key is noticed as well as a damaged disk. */
export function formatManifest(manifest: ArchiveManifest): string {
  const checksum = sha256(canonicalJson(manifest));
  return `${JSON.stringify({ ...manifest, checksum }, undefined, 2)}\n`;
}

/** What is wrong, as a sentence, or the manifest. */
export function parseManifest(text: string): ArchiveManifest | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return `Its ${MANIFEST} is no JSON.`;
  }
  if (!isJsonObject(data) || !Array.isArray(data.layers) || typeof data.image !== "string")
    return `Its ${MANIFEST} is not that of an image.`;
  if (typeof data.version === "number" && data.version > ARCHIVE_VERSION)
    return `It was written by a newer vmlab (version ${data.version} of the format).`;
  const { checksum, ...rest } = data;
  if (checksum !== sha256(canonicalJson(rest))) return `Its ${MANIFEST} does not have its own checksum.`;
  const layers: ArchiveLayer[] = [];
  for (const layer of data.layers as readonly unknown[]) {
    const record = isJsonObject(layer) ? layer.record : undefined;
    const digest = isJsonObject(record) && typeof record.digest === "string" ? record.digest : "";
    if (!isJsonObject(layer) || !isJsonObject(record) || !/^[0-9a-f]{64}$/.test(digest))
      return `Its ${MANIFEST} has a layer without a record.`;
    const parsed = parseRecord(formatRecord(record as unknown as ImageRecord), digest);
    if (parsed === undefined || layer.sha256 !== digest || layer.size !== parsed.size)
      return `Its ${MANIFEST} has a layer whose record is damaged.`;
    if (parsed.parent !== layers.at(-1)?.sha256)
      return `Its ${MANIFEST} has a layer that does not stand on the one below it.`;
    layers.push({ record: parsed, sha256: digest, size: parsed.size });
  }
  if (layers.at(-1)?.sha256 !== data.image) return `Its ${MANIFEST} names an image that it does not hold.`;
  return { version: ARCHIVE_VERSION, image: data.image, layers };
}
