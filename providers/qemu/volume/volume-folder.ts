/**
 * The folder of one volume, $VMLAB_HOME/volumes/<id>: its disk and its record, which is written last, so that a folder
 * without it is half made. In the trash it lies beside the VMs, with a note of what it was.
 */

import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { type JsonObject, sha256 } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import type { VolumeSpec } from "../../provider.ts";

export interface VolumeFolder {
  readonly root: string;
  readonly disk: string;
  /** {@link VolumeRecord}. */
  readonly record: string;
  /** Only in the trash: {@link TrashedVolume} without its size. */
  readonly trashRecord: string;
}

/** The content of volume.json. */
export interface VolumeRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly lab: { readonly name: string; readonly lineage: string };
  /** Virtual size in bytes. */
  readonly size: number;
  readonly filesystem: VolumeSpec["filesystem"];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The paths under an instance id. */
export function volumeFolder(home: Home, id: string): VolumeFolder {
  return folderAt(join(home.volumes, id));
}

/** The paths under an instance id in the trash. */
export function trashedVolumeFolder(home: Home, id: string): VolumeFolder {
  return folderAt(join(home.trash, id));
}

function folderAt(root: string): VolumeFolder {
  return {
    root,
    disk: join(root, "volume.qcow2"),
    record: join(root, "volume.json"),
    trashRecord: join(root, "trashed-volume.json"),
  };
}

/** Undefined when the volume is absent or half made. */
export async function readVolumeRecord(
  effects: Effects,
  folder: VolumeFolder,
): Promise<VolumeRecord | undefined> {
  const text = await readTextIfThere(effects.files, folder.record);
  if (text === undefined) return undefined;
  const record = parse(text);
  if (record !== undefined) return record;
  return fail({
    code: "qemu/bad-record",
    summary: `the record of a volume cannot be read: ${folder.record}`,
    detail: "It was edited, damaged, or written by a newer version of vmlab.",
    hint: "Restore the file from a backup, or make the volume anew: vmlab apply --replace volume.NAME",
  });
}

export async function writeVolumeRecord(
  effects: Effects,
  folder: VolumeFolder,
  record: VolumeRecord,
): Promise<void> {
  await effects.files.write(folder.record, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** What the engine records of a volume. */
export function volumeAttributes({ name, size }: VolumeRecord): JsonObject {
  return { size, device: `/dev/disk/by-id/virtio-${volumeSerial(name)}` };
}

/** The serial number by which the guest knows the disk: virtio-blk takes 20 bytes of it. A longer name gives its
 * beginning and a part of its hash. */
export function volumeSerial(name: string): string {
  return name.length <= 20 ? name : `${name.slice(0, 11)}-${sha256(name).slice(0, 8)}`;
}

function parse(text: string): VolumeRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<VolumeRecord> | null;
    return value?.version === 1 && typeof value.size === "number" ? (value as VolumeRecord) : undefined;
  } catch {
    return undefined;
  }
}
