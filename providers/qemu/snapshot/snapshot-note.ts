/** snapshot.json in a VM's folder: a snapshot is being taken or restored, or the machine is being suspended or resumed. */
import type { Effects } from "../../../engine/effects.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { readOwnedNote, writeOwnedNote } from "../owned-note.ts";
import { type SuspendNote, settleSuspension } from "../suspend/settle.ts";
import { readRuntime, readVmRecord, unlessDamaged, type VmFolder } from "../vm-folder.ts";
import { applyDisks, endMachine } from "./apply-disks.ts";
import { removeInner } from "./remove-inner.ts";
import { ANSWER_MS, atMachine, snapshotCalled } from "./snapshot-job.ts";
import { readSnapshot, type SnapshotRecord } from "./snapshot-record.ts";

type Note =
  | ({
      readonly doing: "take";
      /** Who takes the snapshot made the machine stand still. */
      readonly held: boolean;
    } & Pick<SnapshotRecord, "name" | "tag" | "volumes">)
  | { readonly doing: "restore"; readonly name: string }
  | SuspendNote;

export async function writeSnapshotNote(effects: Effects, folder: VmFolder, note: Note): Promise<void> {
  await writeOwnedNote(effects, folder.snapshotNote, note);
}

export async function removeSnapshotNote(effects: Effects, folder: VmFolder): Promise<void> {
  await effects.files.remove(folder.snapshotNote);
}

/**
 * Clears up after a vmlab that died: nothing is left of a snapshot that it took, and the machine goes on; what it was
 * restoring is off, with all of its disks at the same moment; what it was suspending or resuming is one or the other.
 * `timeoutMs`: how long a QEMU that is busy is waited for.
 */
export async function endAbandonedSnapshot(
  context: QemuContext,
  folder: VmFolder,
  timeoutMs = ANSWER_MS,
): Promise<void> {
  const { effects } = context;
  const found = await readOwnedNote(effects, folder.snapshotNote);
  if (!found?.abandoned) return;
  const note = soundNote(found.says);
  const vm = await unlessDamaged(readVmRecord(effects, folder));
  if (note !== undefined && vm !== undefined) {
    // From here on the work is this process's own.
    await writeSnapshotNote(effects, folder, note);
    const machine = await findMachine(effects, folder, await unlessDamaged(readRuntime(effects, folder)));
    const target = { folder, vm, machine };
    switch (note.doing) {
      case "take": {
        // Its record is written when it is whole.
        const what = snapshotCalled(note.name, vm.name);
        if ((await readSnapshot(effects, folder, note.name)) === undefined)
          await removeInner(context, target, { ...note, what }, timeoutMs);
        if (note.held && machine !== undefined)
          await atMachine(effects, target, (qmp) => qmp.execute("cont"), timeoutMs);
        break;
      }
      case "restore": {
        await endMachine(context, folder);
        const snapshot = await readSnapshot(effects, folder, note.name);
        if (snapshot !== undefined) await applyDisks(context, { folder, vm }, snapshot);
        break;
      }
      default:
        await settleSuspension(context, target, note, timeoutMs);
    }
  }
  await removeSnapshotNote(effects, folder);
}

/** What is being done to the machine; `abandoned`: by a vmlab that died over it, see {@link endAbandonedSnapshot}. */
export async function noteOf(
  effects: Effects,
  folder: VmFolder,
): Promise<(Note & { readonly abandoned: boolean }) | undefined> {
  const found = await readOwnedNote(effects, folder.snapshotNote);
  const note = soundNote(found?.says);
  return note === undefined ? undefined : { ...note, abandoned: found?.abandoned ?? true };
}

/** What has to stand in a note. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  take: ["name", "tag"],
  restore: ["name"],
  suspend: ["tag"],
  resume: ["tag"],
  discard: ["tag"],
} satisfies Record<Note["doing"], readonly string[]>;

function soundNote(says: JsonObject | undefined): Note | undefined {
  if (says === undefined || typeof says.doing !== "string") return undefined;
  const needed = NEEDED[says.doing];
  return needed?.every((key) => typeof says[key] === "string") ? (says as unknown as Note) : undefined;
}
