/** A vmlab that was killed while QEMU copied a VM's disk may have left the guest standing still: it goes on first. */
import type { QemuContext } from "./context.ts";
import type { VmFolder } from "./vm-folder.ts";

/** One look at the disk, unless there is something to clear up. What another vmlab is copying now is left alone. */
export async function clearAbandonedCopy(context: QemuContext, folder: VmFolder): Promise<void> {
  if ((await context.effects.files.stat(folder.copyNote)) === undefined) return;
  const { endAbandonedCopy } = await import("./export/copy-note.ts");
  await endAbandonedCopy(context, folder);
}
