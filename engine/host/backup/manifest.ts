/** manifest.json of a backup: what it holds, and the checksum of each file. */
import { isAbsolute } from "node:path";
import { canonicalJson, isJsonObject, sha256 } from "../../json.ts";

/** The version that this vmlab writes; newer ones are refused. */
const BACKUP_VERSION = 1;

export const MANIFEST = "manifest.json";

export interface BackupManifest {
  readonly version: typeof BACKUP_VERSION;
  /** ISO 8601. */
  readonly created: string;
  /** Version of vmlab. */
  readonly tool: string;
  /** Name of the host, for people. */
  readonly hostName: string;
  /** The VMLAB_HOME that it is of. */
  readonly home: string;
  /** Whether it holds the disks of the images. */
  readonly disks: boolean;
  readonly labs: readonly BackupLab[];
  readonly files: readonly BackupFile[];
}

export interface BackupLab {
  readonly lineage: string;
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Serial of the state; undefined when the backup has none of this lab. */
  readonly serial?: number;
}

export interface BackupFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** Every path that a backup may have: none leads anywhere else. */
const PATH = new RegExp(
  "^(config\\.toml|labs/[0-9a-f]+\\.json|states/[0-9a-f]+/(state\\.json|vmlab\\.lock|texts/[0-9a-f]{64})" +
    "|images/[0-9a-f]{64}/(image\\.json|disk\\.qcow2))$",
);

export function newManifest(facts: Omit<BackupManifest, "version">): BackupManifest {
  return { version: BACKUP_VERSION, ...facts };
}

/** With a checksum of itself. */
export function formatManifest(manifest: BackupManifest): string {
  return `${JSON.stringify({ ...manifest, checksum: sha256(canonicalJson(manifest)) }, undefined, 2)}\n`;
}

/** The manifest, or what is wrong with it, as a sentence. */
export function parseManifest(text: string): BackupManifest | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return `Its ${MANIFEST} is no JSON.`;
  }
  if (!isJsonObject(data) || typeof data.version !== "number")
    return `Its ${MANIFEST} is not that of a backup.`;
  if (data.version > BACKUP_VERSION)
    return `It was written by a newer vmlab (version ${data.version} of the format).`;
  const { checksum, ...rest } = data;
  if (checksum !== sha256(canonicalJson(rest))) return `Its ${MANIFEST} does not have its own checksum.`;
  if (!Array.isArray(data.files) || !Array.isArray(data.labs) || typeof data.created !== "string")
    return `Its ${MANIFEST} is not that of a backup.`;
  const manifest = rest as unknown as BackupManifest;
  // A lineage becomes part of a path.
  if (!manifest.labs.every((lab) => isJsonObject(lab) && isLab(lab)))
    return `Its ${MANIFEST} names a lab that cannot be one.`;
  const odd = manifest.files.find(({ path }) => typeof path !== "string" || !PATH.test(path));
  return odd === undefined ? manifest : `It has a file that no backup has: ${JSON.stringify(odd.path)}.`;
}

function isLab({ lineage, name, folder }: { readonly [key: string]: unknown }): boolean {
  return (
    typeof lineage === "string" &&
    /^[0-9a-f]+$/.test(lineage) &&
    typeof name === "string" &&
    typeof folder === "string" &&
    isAbsolute(folder)
  );
}
