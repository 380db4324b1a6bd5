/** The machines on this host that say they belong to a lab, whether its state knows them or not. */
import type { QemuContext } from "./context.ts";
import { findMachine } from "./machine-process.ts";
import { readRuntime, readVmRecord, unlessDamaged, vmFolder } from "./vm-folder.ts";

export interface LabMachine {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  /** Absolute. */
  readonly folder: string;
}

/** In the order of their ids. What has no sound record belongs to nobody. */
export async function machinesOfLab(
  { effects, home }: QemuContext,
  lineage: string,
): Promise<readonly LabMachine[]> {
  const found: LabMachine[] = [];
  for (const id of await effects.files.list(home.vms)) {
    const folder = vmFolder(home, id);
    // Something that is no folder may lie there.
    if ((await effects.files.stat(folder.root))?.kind !== "folder") continue;
    const record = await unlessDamaged(readVmRecord(effects, folder));
    if (record?.lab?.lineage !== lineage) continue;
    const runtime = await unlessDamaged(readRuntime(effects, folder));
    const running = (await findMachine(effects, folder, runtime)) !== undefined;
    found.push({ id, name: record.name, running, folder: folder.root });
  }
  return found;
}
