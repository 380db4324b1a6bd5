/** snapshots/NAME.json in a VM's folder: what is known of a snapshot beside the disks that hold it. */
import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import { isSnapshotName, type Snapshot } from "../../snapshot-provider.ts";
import type { Accelerator } from "../accel-probe.ts";
import type { GuestRecord, VmFolder, VmRecord } from "../vm-folder.ts";

export interface SnapshotVolume {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export interface SnapshotRecord extends Omit<Snapshot, "volumes"> {
  readonly version: 1;
  /** Its name inside the disks: the snapshots of a volume's other VMs may be called the same. */
  readonly tag: string;
  readonly volumes: readonly SnapshotVolume[];
  /** With memory: what ran it, and in which slots it found the devices that may come and go, by their ids. */
  readonly accel?: Accelerator;
  readonly slots?: Readonly<Record<string, string>>;
  /** The VM's records at that moment. */
  readonly vm: VmRecord;
  readonly guest?: GuestRecord;
}

function recordPath(folder: VmFolder, name: string): string {
  if (!isSnapshotName(name)) throw new Error(`${JSON.stringify(name)} is no name of a snapshot`);
  return join(folder.snapshots, `${name}.json`);
}

/** Names the snapshot that the machine was taken or restored at last. */
function currentPath(folder: VmFolder): string {
  return join(folder.snapshots, "current");
}

/** Oldest first. */
export async function readSnapshots(effects: Effects, folder: VmFolder): Promise<readonly SnapshotRecord[]> {
  const found: SnapshotRecord[] = [];
  for (const file of await effects.files.list(folder.snapshots)) {
    if (!file.endsWith(".json")) continue;
    const text = await readTextIfThere(effects.files, join(folder.snapshots, file));
    if (text !== undefined) found.push(parse(text, join(folder.snapshots, file)));
  }
  return found.sort((a, b) => a.createdAt - b.createdAt);
}

export async function readSnapshot(
  effects: Effects,
  folder: VmFolder,
  name: string,
): Promise<SnapshotRecord | undefined> {
  const path = recordPath(folder, name);
  const text = await readTextIfThere(effects.files, path);
  return text === undefined ? undefined : parse(text, path);
}

export async function writeSnapshot(
  effects: Effects,
  folder: VmFolder,
  record: SnapshotRecord,
): Promise<void> {
  await effects.files.makeDir(folder.snapshots);
  await effects.files.write(recordPath(folder, record.name), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** What stood on it stands on what it stood on. */
export async function forgetSnapshot(effects: Effects, folder: VmFolder, name: string): Promise<void> {
  const own = await readSnapshot(effects, folder, name);
  if (own === undefined) return;
  const { parent } = own;
  for (const other of await readSnapshots(effects, folder)) {
    if (other.parent !== name) continue;
    const { parent: _, ...rest } = other;
    await writeSnapshot(effects, folder, { ...rest, ...(parent === undefined ? {} : { parent }) });
  }
  if ((await currentSnapshot(effects, folder)) === name) await setCurrentSnapshot(effects, folder, parent);
  await effects.files.remove(recordPath(folder, name));
}

export async function currentSnapshot(effects: Effects, folder: VmFolder): Promise<string | undefined> {
  const name = (await readTextIfThere(effects.files, currentPath(folder)))?.trim();
  return name === undefined || name === "" ? undefined : name;
}

export async function setCurrentSnapshot(
  effects: Effects,
  folder: VmFolder,
  name: string | undefined,
): Promise<void> {
  await effects.files.makeDir(folder.snapshots);
  await effects.files.write(currentPath(folder), `${name ?? ""}\n`);
}

function parse(text: string, path: string): SnapshotRecord {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value) && value.version === 1) return value as unknown as SnapshotRecord;
  } catch {
    // Told below.
  }
  return fail({
    code: "qemu/bad-record",
    summary: `the record of a snapshot cannot be read: ${path}`,
    detail: "It was edited, damaged, or written by a newer version of vmlab.",
    hint: "Restore the file from a backup, or remove it: the snapshot is then forgotten, and the VM stays as it is.",
  });
}
