/**
 * A vmlab that was killed while QEMU copied or cloned a VM's disk, or took or restored a snapshot, may have left the guest
 * standing still: that is cleared up first.
 */
import type { QemuContext } from "./context.ts";
import type { VmFolder } from "./vm-folder.ts";

/**
 * Three looks at the disk, unless there is something to clear up. What another vmlab is at now is left alone.
 * `timeoutMs`: how long a QEMU that is busy with a snapshot is waited for.
 */
export async function clearAbandonedWork(
  context: QemuContext,
  folder: VmFolder,
  timeoutMs?: number,
): Promise<void> {
  const { files } = context.effects;
  if ((await files.stat(folder.copyNote)) !== undefined) {
    const { endAbandonedCopy } = await import("./export/copy-note.ts");
    await endAbandonedCopy(context, folder);
  }
  if ((await files.stat(folder.layerNote)) !== undefined) {
    const { endAbandonedSwitch } = await import("./clone/layer-note.ts");
    await endAbandonedSwitch(context, folder);
  }
  if ((await files.stat(folder.snapshotNote)) !== undefined) {
    const { endAbandonedSnapshot } = await import("./snapshot/snapshot-note.ts");
    await endAbandonedSnapshot(context, folder, timeoutMs);
  }
}
