/**
 * A vmlab that was killed while QEMU copied a VM's disk, or while it took a snapshot, may have left the guest standing
 * still: it goes on first.
 */
import type { QemuContext } from "./context.ts";
import type { VmFolder } from "./vm-folder.ts";

/** Two looks at the disk, unless there is something to clear up. What another vmlab is at now is left alone. */
export async function clearAbandonedWork(context: QemuContext, folder: VmFolder): Promise<void> {
  const { files } = context.effects;
  if ((await files.stat(folder.copyNote)) !== undefined) {
    const { endAbandonedCopy } = await import("./export/copy-note.ts");
    await endAbandonedCopy(context, folder);
  }
  if ((await files.stat(folder.snapshotNote)) !== undefined) {
    const { endAbandonedSnapshot } = await import("./snapshot/snapshot-note.ts");
    await endAbandonedSnapshot(context, folder);
  }
}
