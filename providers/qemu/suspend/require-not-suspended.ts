/** What would change a machine whose memory is saved, or take half of it, is refused: the two belong together. */
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { VmFolder } from "../vm-folder.ts";

/** `doing`: `its disk cannot be grown`. */
export async function requireNotSuspended(
  effects: Pick<Effects, "files">,
  folder: VmFolder,
  { vm, doing }: { readonly vm: string; readonly doing: string },
): Promise<void> {
  if ((await effects.files.stat(folder.suspended)) === undefined) return;
  fail({
    code: "qemu/suspended",
    address: `vm.${vm}`,
    summary: `${vm} is suspended: ${doing}`,
    detail: "Its saved memory fits the machine and its disks as they are. Nothing was changed.",
    hint: `Let it go on first (\`vmlab resume ${vm}\`), or give its memory up, as a power cut would (\`vmlab stop ${vm} --force\`).`,
  });
}
