/** What machines take of this host: their files, the QEMU process, and the counters that QEMU itself keeps. */
import { join } from "node:path";
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { DiskUsage, RunningUsage, VmUsage } from "../usage.ts";
import type { QemuContext } from "./context.ts";
import { machineCounters } from "./machine-counters.ts";
import { findMachine, type MachineProcess } from "./machine-process.ts";
import {
  type Runtime,
  readRuntime,
  readVmRecord,
  unlessDamaged,
  type VmFolder,
  type VmRecord,
  vmFolder,
} from "./vm-folder.ts";

/** See {@link VmProvider.usage}. */
export async function measureVms(
  context: QemuContext,
  ids?: readonly string[],
): Promise<ReadonlyMap<string, VmUsage>> {
  const asked = ids ?? (await context.effects.files.list(context.home.vms));
  const found = await Promise.all(asked.map((id) => measureVm(context, id)));
  return new Map(found.flatMap((usage) => (usage === undefined ? [] : [[usage.id, usage]])));
}

/** Undefined for what is no whole VM. A damaged record hides no machine that runs. */
async function measureVm({ effects, home }: QemuContext, id: string): Promise<VmUsage | undefined> {
  const folder = vmFolder(home, id);
  // Something that is no folder may lie there.
  if ((await effects.files.stat(folder.root))?.kind !== "folder") return undefined;
  const record = await unlessDamaged(readVmRecord(effects, folder));
  const runtime = await unlessDamaged(readRuntime(effects, folder));
  const machine = await findMachine(effects, folder, runtime);
  if (record === undefined && machine === undefined) return undefined;
  const disk = record === undefined ? NO_DISK : await diskUsage(effects, folder, record);
  const time = effects.clock.now();
  const running = machine === undefined ? undefined : await measureMachine(effects, folder, runtime, machine);
  return {
    ...{ id, name: record?.name ?? id, time, disk },
    ...(record === undefined ? {} : { lab: { name: record.lab.name, lineage: record.lab.lineage } }),
    ...(running === undefined ? {} : { running }),
  };
}

const NO_DISK: DiskUsage = { size: 0, allocated: 0, growth: 0 };

async function diskUsage(effects: Effects, folder: VmFolder, vm: VmRecord): Promise<DiskUsage> {
  const allocated = await allocatedByDisks(effects, folder, vm);
  const snapshots = await effects.files.list(folder.snapshots);
  const held = snapshots.some((name) => name.endsWith(".json"));
  return { size: vm.disk, allocated, growth: growthOf(vm.disk, allocated, held) };
}

/** What its own layers take, with the snapshots inside them, as `qemu-img info` tells it. */
async function allocatedByDisks(effects: Effects, folder: VmFolder, vm: VmRecord): Promise<number> {
  const layers = vm.layers.flatMap((layer) => ("file" in layer ? [join(folder.root, layer.file)] : []));
  let bytes = 0;
  for (const path of [...layers, folder.uefiVars]) bytes += (await effects.files.stat(path))?.allocated ?? 0;
  return bytes;
}

/** What a snapshot holds stays, so that the guest may fill a disk as large as its own beside it. */
export function growthOf(size: number, allocated: number, held: boolean): number {
  return held ? size : Math.max(0, size - allocated);
}

/** Undefined when it ended meanwhile. */
async function measureMachine(
  effects: Effects,
  folder: VmFolder,
  runtime: Runtime | undefined,
  machine: MachineProcess,
): Promise<RunningUsage | undefined> {
  const usage = await effects.processes.usage(machine.pid).catch((error) => {
    // Hidden from this user, as the system may do.
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  });
  if (usage !== undefined && usage.startTime !== machine.startTime) return undefined;
  const counters = await machineCounters(effects, folder);
  const own = runtime?.pid === machine.pid && runtime.startTime === machine.startTime;
  return {
    ...(own ? { startedAt: runtime.startedAt } : {}),
    ...(usage === undefined ? {} : { cpuMs: usage.cpuMs, resident: usage.resident }),
    ...counters,
  };
}
