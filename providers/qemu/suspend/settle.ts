/** Clears up after a vmlab that died while it suspended, resumed or gave up a machine. */
import type { QemuContext } from "../context.ts";
import { everRan } from "../machine-log.ts";
import { endMachine } from "../snapshot/apply-disks.ts";
import type { SnapshotTarget } from "../snapshot/find-target.ts";
import { removeInner } from "../snapshot/remove-inner.ts";
import { atMachine } from "../snapshot/snapshot-job.ts";
import type { SnapshotVolume } from "../snapshot/snapshot-record.ts";
import { forgetSaved, memoryOf } from "./saved-machine.ts";

interface Saved {
  /** Inside the disks. */
  readonly tag: string;
  readonly volumes: readonly SnapshotVolume[];
}

export type SuspendNote =
  /** `held`: it was made to stand still for that. */
  | ({ readonly doing: "suspend"; readonly held: boolean } & Saved)
  | ({ readonly doing: "resume" } & Saved)
  | ({ readonly doing: "discard" } & Saved);

/** The machine runs, or is suspended; nothing is left of what is neither. `timeoutMs`: how long QEMU is waited for. */
export async function settleSuspension(
  context: QemuContext,
  target: Pick<SnapshotTarget, "folder" | "vm" | "machine">,
  note: SuspendNote,
  timeoutMs: number,
): Promise<void> {
  const { effects } = context;
  const { folder, vm, machine } = target;
  const remove = () => removeInner(context, target, { ...note, what: memoryOf(vm.name) }, timeoutMs);
  switch (note.doing) {
    case "suspend":
      // Its record is written when all of it is on the disks.
      if ((await effects.files.stat(folder.suspended)) !== undefined)
        return await endMachine(context, folder);
      await remove();
      if (note.held && machine !== undefined)
        await atMachine(effects, target, (qmp) => qmp.execute("cont"), timeoutMs);
      return;
    case "resume":
      if (!(await everRan(effects, folder))) return await endMachine(context, folder);
      await forgetSaved(effects, folder);
      return await remove();
    case "discard":
      await forgetSaved(effects, folder);
      return await remove();
  }
}
