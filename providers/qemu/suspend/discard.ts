/** Gives up what suspend has saved: the machine boots from its disks next time, as after a power cut. */
import { errorText } from "../../../engine/diagnostics.ts";
import type { CallContext } from "../../provider.ts";
import { clearAbandonedWork } from "../abandoned-work.ts";
import type { QemuContext } from "../context.ts";
import { removeInner } from "../snapshot/remove-inner.ts";
import { removeSnapshotNote, writeSnapshotNote } from "../snapshot/snapshot-note.ts";
import { readVmRecord, unlessDamaged, vmFolder } from "../vm-folder.ts";
import { forgetSaved, memoryOf, readSaved } from "./saved-machine.ts";

/** Of a machine that is off; nothing to do for one that is not suspended. */
export async function discardSaved(
  context: QemuContext,
  id: string,
  call?: Pick<CallContext, "output">,
): Promise<void> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  if ((await effects.files.stat(folder.suspended)) === undefined) return;
  await clearAbandonedWork(context, folder);
  const saved = await unlessDamaged(readSaved(effects, folder));
  const vm = await unlessDamaged(readVmRecord(effects, folder));
  if (saved === undefined || vm === undefined) return await forgetSaved(effects, folder);
  const { tag, volumes } = saved;
  await writeSnapshotNote(effects, folder, { doing: "discard", tag, volumes });
  await forgetSaved(effects, folder);
  try {
    const what = memoryOf(vm.name);
    await removeInner(context, { folder, vm, machine: undefined }, { what, tag, volumes });
  } catch (error) {
    // It is never loaded any more, and may be in a disk that is damaged or gone.
    call?.output(`what it took on the disks is still there: ${errorText(error)}`);
  }
  await removeSnapshotNote(effects, folder);
  call?.output("its saved memory was given up: it boots from its disks next time");
}
