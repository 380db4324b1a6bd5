/**
 * snapshot.json in a VM's folder: a snapshot is being taken. It is there before the machine is made to stand still, and
 * goes when the snapshot is whole or nothing of it is left, so that whoever comes after a crash can clear up.
 */
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import { ownerLives, ownOwner, parseOwner } from "../../images/owner.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { withQmp } from "../qmp.ts";
import { readRuntime, readVmRecord, unlessDamaged, type VmFolder } from "../vm-folder.ts";
import { removeInner } from "./remove-inner.ts";
import { readSnapshot } from "./snapshot-record.ts";

const QMP_MS = 600_000;

interface Note {
  readonly name: string;
  readonly volumes: readonly { readonly id: string; readonly name: string }[];
  /** Who takes the snapshot made the machine stand still. */
  readonly held: boolean;
}

export async function writeSnapshotNote(effects: Effects, folder: VmFolder, note: Note): Promise<void> {
  await effects.files.write(folder.snapshotNote, JSON.stringify({ ...(await ownOwner(effects)), ...note }));
}

export async function removeSnapshotNote(effects: Effects, folder: VmFolder): Promise<void> {
  await effects.files.remove(folder.snapshotNote);
}

/** Removes what a dead vmlab had of its snapshot, and lets the machine go on. One look at the disk otherwise. */
export async function endAbandonedSnapshot(context: QemuContext, folder: VmFolder): Promise<void> {
  const { effects } = context;
  const text = await readTextIfThere(effects.files, folder.snapshotNote);
  if (text === undefined) return;
  const owner = parseOwner(text);
  if (owner !== undefined && (await ownerLives(effects, owner))) return;
  const note = parse(text);
  const vm = await unlessDamaged(readVmRecord(effects, folder));
  const machine = await findMachine(effects, folder, await unlessDamaged(readRuntime(effects, folder)));
  // Its record is written when it is whole.
  if (
    note !== undefined &&
    vm !== undefined &&
    (await readSnapshot(effects, folder, note.name)) === undefined
  )
    await removeInner(context, { folder, vm, machine }, note);
  if (note?.held === true && machine !== undefined)
    await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) => qmp.execute("cont"));
  await removeSnapshotNote(effects, folder);
}

function parse(text: string): Note | undefined {
  try {
    const data: unknown = JSON.parse(text);
    if (!isJsonObject(data) || typeof data.name !== "string" || !Array.isArray(data.volumes))
      return undefined;
    return data as unknown as Note;
  } catch {
    return undefined;
  }
}
