/** The file that a qcow2 disk is an overlay on, as its header names it. */
import type { Effects } from "../../engine/effects.ts";
import { parseQcow2Header } from "./qcow2-header.ts";

/** QEMU limits the name to 1023 bytes (docs/interop/qcow2.txt). */
const MOST_NAME_BYTES = 1023;
const HEADER_BYTES = 104;
const STORE_PATH = /(?:^|\/)([0-9a-f]{64})\/disk\.qcow2$/;

export type BackingFile =
  | { readonly kind: "none" }
  /** `path` is as written in the header. */
  | { readonly kind: "file"; readonly path: string }
  /** No qcow2 disk, or one whose header is damaged. */
  | { readonly kind: "unreadable" };

/** Reads backing_file_offset at 8 and backing_file_size at 16 (QEMU's docs/interop/qcow2.txt). */
export async function readBackingFile(effects: Pick<Effects, "files">, disk: string): Promise<BackingFile> {
  const head = await effects.files.readPart(disk, 0, HEADER_BYTES).catch(() => Buffer.alloc(0));
  if (parseQcow2Header(head) === undefined) return { kind: "unreadable" };
  const offset = head.readBigUInt64BE(8);
  const size = head.readUInt32BE(16);
  if (offset === 0n) return { kind: "none" };
  if (size === 0 || size > MOST_NAME_BYTES || offset > BigInt(Number.MAX_SAFE_INTEGER))
    return { kind: "unreadable" };
  const name = await effects.files.readPart(disk, Number(offset), size).catch(() => Buffer.alloc(0));
  return name.length === size ? { kind: "file", path: name.toString("utf8") } : { kind: "unreadable" };
}

/** Whether a disk can be one of the store: a qcow2 that stands on nothing, or on the layer beside it that it names. */
export async function isStoreDisk(effects: Pick<Effects, "files">, disk: string): Promise<boolean> {
  const header = parseQcow2Header(await effects.files.readPart(disk, 0, HEADER_BYTES));
  if (header === undefined || header.externalData || header.encrypted) return false;
  const backing = await readBackingFile(effects, disk);
  if (backing.kind !== "file") return backing.kind === "none";
  const parent = digestInPath(backing.path);
  return parent !== undefined && backing.path === relativeBacking(parent);
}

/** The digest of the image that a backing file's path leads to, whatever store it names. */
export function digestInPath(path: string): string | undefined {
  return STORE_PATH.exec(path)?.[1];
}

/** How a disk of the store names the layer below it: relative, so that the store can move. */
export function relativeBacking(parent: string): string {
  return `../${parent}/disk.qcow2`;
}
