/** Whether a machine is suspended: from what stands in its folder, also while or after something goes wrong. */
import type { Effects } from "../../../engine/effects.ts";
import { everRan } from "../machine-log.ts";
import { noteOf } from "../snapshot/snapshot-note.ts";
import type { VmFolder } from "../vm-folder.ts";

/** `running`: its process is there. One that vmlab died over counts as what the next command makes of it. */
export async function isSuspended(effects: Effects, folder: VmFolder, running: boolean): Promise<boolean> {
  if ((await effects.files.stat(folder.suspended)) === undefined) return false;
  const note = await noteOf(effects, folder);
  if (note?.doing === "discard") return false;
  if (note?.doing === "resume" && (await everRan(effects, folder))) return false;
  return !running || note?.abandoned === true;
}
