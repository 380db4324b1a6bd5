/** A VM with its process, as snapshots need it. */
import type { CallContext, VmSpec } from "../../provider.ts";
import { clearAbandonedWork } from "../abandoned-work.ts";
import type { QemuContext } from "../context.ts";
import { findMachine, type MachineProcess } from "../machine-process.ts";
import { requireNotSuspended } from "../suspend/require-not-suspended.ts";
import { readRuntime, requireVm, type VmFolder, type VmRecord, vmFolder } from "../vm-folder.ts";
import type { SnapshotVolume } from "./snapshot-record.ts";

export interface SnapshotTarget {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly spec: VmSpec;
  readonly call: CallContext;
  /** Undefined while it is off. */
  readonly machine: MachineProcess | undefined;
}

/** After what a dead vmlab left at it is cleared up. Refuses a machine whose memory is saved. */
export async function findSnapshotTarget(
  context: QemuContext,
  spec: VmSpec,
  call: CallContext,
): Promise<SnapshotTarget> {
  const target = await findTarget(context, spec, call);
  const doing = "snapshots of it can be neither taken nor restored";
  await requireNotSuspended(context.effects, target.folder, { vm: spec.name, doing });
  return target;
}

/** After what a dead vmlab left at it is cleared up. */
export async function findTarget(
  context: QemuContext,
  spec: VmSpec,
  call: CallContext,
): Promise<SnapshotTarget> {
  const { effects, home } = context;
  const folder = vmFolder(home, spec.id);
  await clearAbandonedWork(context, folder);
  const vm = await requireVm(effects, folder);
  const machine = await findMachine(effects, folder, await readRuntime(effects, folder));
  return { folder, vm, spec, call, machine };
}

/** Volumes that the guest may write to: the others cannot change. */
export function writableVolumes({ volumes = [] }: VmSpec): readonly SnapshotVolume[] {
  return volumes.filter(({ readonly }) => !readonly).map(({ id, name, size }) => ({ id, name, size }));
}
