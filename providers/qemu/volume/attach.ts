/** Attaches volumes to a VM and takes them away, in its start and while it runs. */
import { fail } from "../../../engine/diagnostics.ts";
import type { CallContext, VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { withQmp } from "../qmp.ts";
import { type RunningMachine, requireRunning, stretched } from "../ready.ts";
import { requireNotSuspended } from "../suspend/require-not-suspended.ts";
import { readRuntime, vmFolder } from "../vm-folder.ts";
import { whileMachineRuns } from "../watch-machine.ts";
import { tellMounts } from "./mounts.ts";
import { type PluggedVolume, plug, pluggedVolumes, unplug, type VolumeDisk, volumeDisk } from "./plug.ts";

/** A guest answers a request to give up a disk within a second; a busy host takes longer. */
const UNPLUG_MS = 30_000;

/** The disks of a VM's volumes, which must be there. */
export async function connectVolumes(
  { effects, home }: QemuContext,
  { name: vm, volumes = [] }: VmSpec,
): Promise<readonly VolumeDisk[]> {
  return await Promise.all(
    volumes.map(async (volume) => {
      const disk = volumeDisk(home, volume);
      if (volume.id !== "" && (await effects.files.stat(disk.path)) !== undefined) return disk;
      return fail({
        code: "qemu/no-such-volume",
        address: `vm.${vm}`,
        summary: `volume.${volume.name}, which ${vm} has, does not exist`,
        hint: "`vmlab plan` says what became of it.",
      });
    }),
  );
}

/** Nothing to do for a VM that is off. */
export async function detachVolumes(context: QemuContext, spec: VmSpec, call: CallContext): Promise<void> {
  const folder = vmFolder(context.home, spec.id);
  if (
    (await findMachine(context.effects, folder, await readRuntime(context.effects, folder))) === undefined
  ) {
    await requireNotSuspended(context.effects, folder, { vm: spec.name, doing: "its volumes cannot change" });
    return;
  }
  const running = await requireRunning(context, spec.id);
  const wanted = new Set((spec.volumes ?? []).map(({ id }) => id));
  const leaving = (await plugged(context, running, call)).filter(({ id }) => !wanted.has(id));
  if (leaving.length > 0) await takeAway(context, running, spec, leaving, call);
}

/** Plugs what a running VM lacks. One that changes between read-only and writable is taken away first. */
export async function attachVolumes(
  context: QemuContext,
  running: RunningMachine,
  spec: VmSpec,
  call: CallContext,
): Promise<void> {
  const disks = await connectVolumes(context, spec);
  const present = await plugged(context, running, call);
  const same = (disk: VolumeDisk) =>
    present.some(({ id, readonly }) => id === disk.id && readonly === disk.readonly);
  const missing = disks.filter((disk) => !same(disk));
  if (missing.length === 0) return;
  call.progress("attaching volumes");
  const turned = present.filter(({ id }) => missing.some((disk) => disk.id === id));
  if (turned.length > 0) {
    const rest = (spec.volumes ?? []).filter(({ id }) => !missing.some((disk) => disk.id === id));
    await takeAway(context, running, { ...spec, volumes: rest }, turned, call);
  }
  await withQmp(context.effects, running.folder.qmpSocket, { signal: call.signal }, async (qmp) => {
    for (const disk of missing) await plug(qmp, disk);
  });
}

async function plugged(
  { effects }: QemuContext,
  { folder }: RunningMachine,
  { signal }: CallContext,
): Promise<readonly PluggedVolume[]> {
  return await withQmp(effects, folder.qmpSocket, { signal }, pluggedVolumes);
}

/** The guest unmounts first: a disk that vanished under a file system would lose what is not written yet. */
async function takeAway(
  context: QemuContext,
  running: RunningMachine,
  spec: VmSpec,
  leaving: readonly PluggedVolume[],
  call: CallContext,
): Promise<void> {
  const { effects } = context;
  call.progress("unmounting volumes");
  const serials = leaving.map(({ serial }) => serial);
  await whileMachineRuns(effects, running, "unmounting volumes", call.signal, (signal) =>
    tellMounts(context, running, spec, signal, serials),
  );
  call.progress("detaching volumes");
  const timeoutMs = stretched(running.runtime, UNPLUG_MS);
  await withQmp(effects, running.folder.qmpSocket, { signal: call.signal }, async (qmp) => {
    for (const volume of leaving)
      await unplug(qmp, volume, { timeoutMs, signal: call.signal, vm: running.vm.name });
  });
}
