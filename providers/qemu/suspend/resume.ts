/**
 * Loads what suspend has saved, and lets the guest go on. Its memory is good until the guest has run again, and for
 * nothing afterwards: QEMU's own log tells which of the two it is, also after a crash of vmlab, QEMU or both.
 */
import { errorText, fail } from "../../../engine/diagnostics.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { CallContext, VmSpec } from "../../provider.ts";
import { chooseAccel } from "../accel-probe.ts";
import { vmAttributes } from "../attributes.ts";
import type { QemuContext } from "../context.ts";
import { everRan } from "../machine-log.ts";
import { findMachine } from "../machine-process.ts";
import { endMachine } from "../snapshot/apply-disks.ts";
import { setGuestClock } from "../snapshot/guest-clock.ts";
import { removeInner } from "../snapshot/remove-inner.ts";
import { innerSnapshots, requireUnused, snapshotDisks } from "../snapshot/snapshot-disks.ts";
import { atMachine, snapshotJob } from "../snapshot/snapshot-job.ts";
import { removeSnapshotNote, writeSnapshotNote } from "../snapshot/snapshot-note.ts";
import { startPaused } from "../start.ts";
import { readRuntime, requireVm, type VmFolder, type VmRecord } from "../vm-folder.ts";
import { forgetSaved, type MachineShape, memoryOf, type SavedMachine, shapeOf } from "./saved-machine.ts";

interface Suspended {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly saved: SavedMachine;
}

/** Of a machine that is off. Where it fails, the machine is still suspended. */
export async function resumeSaved(
  context: QemuContext,
  { folder, vm, saved }: Suspended,
  spec: VmSpec,
  call: CallContext,
): Promise<JsonObject> {
  const { effects } = context;
  await requireFit(context, { folder, vm, saved }, spec);
  const { tag, volumes } = saved;
  const what = memoryOf(vm.name);
  call.signal.throwIfAborted();
  // What the log says from here on is of this start.
  await effects.files.remove(folder.qemuLog);
  await writeSnapshotNote(effects, folder, { doing: "resume", tag, volumes });
  const target = { folder, vm };
  try {
    await startPaused(context, spec, call, saved.slots);
    call.progress("loading its memory");
    const nodes = snapshotDisks(context, folder, vm, volumes).map(({ node }) => node);
    await atMachine(effects, target, (qmp) =>
      snapshotJob(effects, qmp, { verb: "load", what, tag, nodes, vm: vm.name }),
    );
    call.signal.throwIfAborted();
    await atMachine(effects, target, (qmp) => qmp.execute("cont"));
  } catch (error) {
    if (!(await everRan(effects, folder))) {
      await endMachine(context, folder);
      await removeSnapshotNote(effects, folder);
    }
    throw error;
  }
  await forgetSaved(effects, folder);
  // The guest believes that it is still the time at which it was suspended.
  await setGuestClock(context, spec.id, call);
  try {
    call.progress("clearing up");
    const machine = await findMachine(effects, folder, await readRuntime(effects, folder));
    await removeInner(context, { ...target, machine }, { what, tag, volumes });
    await removeSnapshotNote(effects, folder);
  } catch (error) {
    call.output(`${what} still takes space, the next command tries again: ${errorText(error)}`);
  }
  return vmAttributes(await requireVm(effects, folder), await readRuntime(effects, folder));
}

/** Fails with what stands in the way of loading it. Changes nothing. */
export async function requireFit(
  context: QemuContext,
  { folder, vm, saved }: Suspended,
  spec: VmSpec,
): Promise<void> {
  const { effects, home } = context;
  const address = `vm.${vm.name}`;
  const giveUp = `Or give its memory up, as a power cut would: vmlab stop ${vm.name} --force`;
  const different = differences(saved.shape, shapeOf(vm, spec));
  if (different.length > 0) {
    fail({
      code: "qemu/suspended-differs",
      address,
      summary: `${vm.name} is another machine than the one that was suspended`,
      detail: `Its memory does not fit: ${different.join(", ")} changed. Nothing was changed now.`,
      hint: `Take that change back. ${giveUp}`,
    });
  }
  const accel = await chooseAccel(effects, home, spec.accel, vm.name);
  if (accel !== saved.accel) {
    fail({
      code: "qemu/snapshot-accel",
      address,
      summary: `${vm.name} was suspended under ${saved.accel}, and it would run under ${accel}`,
      detail: "The memory of a guest fits the CPU that it ran on. Nothing was changed.",
      hint: `Set VMLAB_ACCEL=${saved.accel} for this command. ${giveUp}`,
    });
  }
  for (const { path, what } of snapshotDisks(context, folder, vm, saved.volumes)) {
    const there = (await effects.files.stat(path)) !== undefined;
    if (there && (await innerSnapshots(effects, path)).some(({ name }) => name === saved.tag)) {
      await requireUnused(effects, path);
      continue;
    }
    fail({
      code: "qemu/suspended-incomplete",
      address,
      summary: `${memoryOf(vm.name)} is not whole: ${what} ${there ? "does not have it" : "is gone"}`,
      detail: "Nothing was changed.",
      hint: `Bring ${what} back as it was. ${giveUp}`,
    });
  }
}

function differences(before: MachineShape, now: MachineShape): string[] {
  const keys = Object.keys(before) as (keyof MachineShape)[];
  return keys.filter((key) => String(before[key]) !== String(now[key]));
}
