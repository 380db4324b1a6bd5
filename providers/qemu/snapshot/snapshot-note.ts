/**
 * snapshot.json in a VM's folder: a snapshot is being taken or restored. It is there before anything is done to the
 * machine, and goes when all is done or undone, so that whoever comes after a crash can clear up.
 */
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import { ownerLives, ownOwner, parseOwner } from "../../images/owner.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { readRuntime, readVmRecord, unlessDamaged, type VmFolder } from "../vm-folder.ts";
import { applyDisks, endMachine } from "./apply-disks.ts";
import { removeInner } from "./remove-inner.ts";
import { ANSWER_MS, atMachine } from "./snapshot-job.ts";
import { readSnapshot, type SnapshotRecord } from "./snapshot-record.ts";

type Note =
  | ({
      readonly doing: "take";
      /** Who takes the snapshot made the machine stand still. */
      readonly held: boolean;
    } & Pick<SnapshotRecord, "name" | "tag" | "volumes">)
  | { readonly doing: "restore"; readonly name: string };

export async function writeSnapshotNote(effects: Effects, folder: VmFolder, note: Note): Promise<void> {
  await effects.files.write(folder.snapshotNote, JSON.stringify({ ...note, ...(await ownOwner(effects)) }));
}

export async function removeSnapshotNote(effects: Effects, folder: VmFolder): Promise<void> {
  await effects.files.remove(folder.snapshotNote);
}

/**
 * Clears up after a vmlab that died: nothing is left of a snapshot that it took, and the machine goes on; what it was
 * restoring is off, with all of its disks at the same moment. `timeoutMs`: how long a QEMU that is busy is waited for.
 */
export async function endAbandonedSnapshot(
  context: QemuContext,
  folder: VmFolder,
  timeoutMs = ANSWER_MS,
): Promise<void> {
  const { effects } = context;
  const text = await readTextIfThere(effects.files, folder.snapshotNote);
  if (text === undefined) return;
  const owner = parseOwner(text);
  if (owner !== undefined && (await ownerLives(effects, owner))) return;
  const note = parse(text);
  const vm = await unlessDamaged(readVmRecord(effects, folder));
  if (note !== undefined && vm !== undefined) {
    // From here on the work is this process's own.
    await writeSnapshotNote(effects, folder, note);
    const machine = await findMachine(effects, folder, await unlessDamaged(readRuntime(effects, folder)));
    const target = { folder, vm, machine };
    if (note.doing === "take") {
      // Its record is written when it is whole.
      if ((await readSnapshot(effects, folder, note.name)) === undefined)
        await removeInner(context, target, note, timeoutMs);
      if (note.held && machine !== undefined)
        await atMachine(effects, target, (qmp) => qmp.execute("cont"), timeoutMs);
    } else {
      await endMachine(context, folder);
      const snapshot = await readSnapshot(effects, folder, note.name);
      if (snapshot !== undefined) await applyDisks(context, { folder, vm }, snapshot);
    }
  }
  await removeSnapshotNote(effects, folder);
}

/** A vmlab died while it restored the machine, which is nothing that could go on: see {@link endAbandonedSnapshot}. */
export async function isAbandonedRestore(effects: Effects, folder: VmFolder): Promise<boolean> {
  const text = (await readTextIfThere(effects.files, folder.snapshotNote)) ?? "";
  if (parse(text)?.doing !== "restore") return false;
  const owner = parseOwner(text);
  return owner === undefined || !(await ownerLives(effects, owner));
}

function parse(text: string): Note | undefined {
  try {
    const data: unknown = JSON.parse(text);
    if (!isJsonObject(data) || typeof data.name !== "string") return undefined;
    return data.doing === "restore" || (data.doing === "take" && typeof data.tag === "string")
      ? (data as unknown as Note)
      : undefined;
  } catch {
    return undefined;
  }
}
