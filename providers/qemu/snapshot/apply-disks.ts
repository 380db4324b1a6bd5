/** Brings the disks of a machine that is off back to a snapshot, and its records with them. */
import type { CallContext } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { stopVm } from "../stop.ts";
import { type VmFolder, type VmRecord, writeRecord } from "../vm-folder.ts";
import { readVolumeRecord, volumeFolder, writeVolumeRecord } from "../volume/volume-folder.ts";
import { changeInner, snapshotDisks } from "./snapshot-disks.ts";
import { type SnapshotRecord, setCurrentSnapshot } from "./snapshot-record.ts";

interface Owner {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
}

/** Again after a crash in the middle, it finishes what it began. */
export async function applyDisks(context: QemuContext, to: Owner, snapshot: SnapshotRecord): Promise<void> {
  for (const { path } of snapshotDisks(context, to.folder, snapshot.vm, snapshot.volumes))
    await changeInner(context.effects, "apply", path, snapshot.tag);
  await recordApplied(context, to, snapshot);
}

/** The disks are those of the snapshot. */
export async function recordApplied(
  { effects, home }: QemuContext,
  { folder, vm }: Owner,
  snapshot: SnapshotRecord,
): Promise<void> {
  // A volume that was grown since has its former size again.
  for (const { id, size } of snapshot.volumes) {
    const volume = volumeFolder(home, id);
    const record = await readVolumeRecord(effects, volume);
    if (record !== undefined && record.size !== size)
      await writeVolumeRecord(effects, volume, { ...record, size });
  }
  // Its disk may have another size, and its guest knows what it knew then. It may have been moved since.
  await writeRecord(effects, folder.record, { ...snapshot.vm, name: vm.name, lab: vm.lab });
  if (snapshot.guest !== undefined) await writeRecord(effects, folder.guest, snapshot.guest);
  await setCurrentSnapshot(effects, folder, snapshot.name);
}

/** What is in its memory is given up. */
export async function endMachine(
  context: QemuContext,
  folder: VmFolder,
  call: CallContext = SILENT,
): Promise<void> {
  await stopVm(context, folder.id, { timeoutMs: 0, force: true }, call);
}

const SILENT: CallContext = {
  signal: new AbortController().signal,
  progress: () => undefined,
  output: () => undefined,
};
