/**
 * snapshot.json in a VM's folder: a snapshot is being taken or restored, or the machine is being suspended or resumed. It is there before anything is done to the
 * machine, and goes when all is done or undone, so that whoever comes after a crash can clear up.
 */
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import { ownerLives, ownOwner, parseOwner } from "../../images/owner.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
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
  await effects.files.write(folder.snapshotNote, JSON.stringify({ ...note, ...(await ownOwner(effects)) }));
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
  const text = (await readTextIfThere(effects.files, folder.snapshotNote)) ?? "";
  const note = parse(text);
  if (note === undefined) return undefined;
  const owner = parseOwner(text);
  return { ...note, abandoned: owner === undefined || !(await ownerLives(effects, owner)) };
}

/** What has to stand in a note. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  take: ["name", "tag"],
  restore: ["name"],
  suspend: ["tag"],
  resume: ["tag"],
  discard: ["tag"],
} satisfies Record<Note["doing"], readonly string[]>;

function parse(text: string): Note | undefined {
  try {
    const data: unknown = JSON.parse(text);
    if (!isJsonObject(data) || typeof data.doing !== "string") return undefined;
    const needed = NEEDED[data.doing];
    return needed?.every((key) => typeof data[key] === "string") ? (data as unknown as Note) : undefined;
  } catch {
    return undefined;
  }
}
