/** A VM with its process, as snapshots need it. */
import type { CallContext, VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { findMachine, type MachineProcess } from "../machine-process.ts";
import { readRuntime, requireVm, type VmFolder, type VmRecord, vmFolder } from "../vm-folder.ts";

export interface SnapshotTarget {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly spec: VmSpec;
  readonly call: CallContext;
  /** Undefined while it is off. */
  readonly machine: MachineProcess | undefined;
}

export async function findTarget(
  { effects, home }: QemuContext,
  spec: VmSpec,
  call: CallContext,
): Promise<SnapshotTarget> {
  const folder = vmFolder(home, spec.id);
  const vm = await requireVm(effects, folder);
  const machine = await findMachine(effects, folder, await readRuntime(effects, folder));
  return { folder, vm, spec, call, machine };
}

/** Volumes that the guest may write to: the others cannot change. */
export function writableVolumes({ volumes = [] }: VmSpec): readonly { id: string; name: string }[] {
  return volumes.filter(({ readonly }) => !readonly).map(({ id, name }) => ({ id, name }));
}
