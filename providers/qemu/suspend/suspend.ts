/** Saves a machine's memory and devices inside its disks and ends it. Killed at any point, it runs or is suspended. */
import { errorText, fail } from "../../../engine/diagnostics.ts";
import type { CallContext, VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { endMachine } from "../snapshot/apply-disks.ts";
import { deviceSlots } from "../snapshot/device-slots.ts";
import { findTarget, type SnapshotTarget, writableVolumes } from "../snapshot/find-target.ts";
import { removeInner } from "../snapshot/remove-inner.ts";
import { requireRoom, saveMachine } from "../snapshot/save-machine.ts";
import { atMachine } from "../snapshot/snapshot-job.ts";
import { removeSnapshotNote, writeSnapshotNote } from "../snapshot/snapshot-note.ts";
import { readRuntime } from "../vm-folder.ts";
import { memoryOf, readSaved, shapeOf, writeSaved } from "./saved-machine.ts";

export async function suspendVm(context: QemuContext, spec: VmSpec, call: CallContext): Promise<void> {
  const { effects } = context;
  const target = await findTarget(context, spec, call);
  const { folder, vm, machine } = target;
  if (machine === undefined) {
    if ((await readSaved(effects, folder)) !== undefined) return;
    fail({
      code: "qemu/not-running",
      address: `vm.${vm.name}`,
      summary: `${vm.name} is not running`,
      hint: `Start it: vmlab start ${vm.name}`,
    });
  }
  await requireSavable(context, target);
  const what = memoryOf(vm.name);
  await requireRoom(context, [target], { what, instead: `vmlab stop ${vm.name}` });
  const status = (await atMachine(effects, target, (qmp) => qmp.execute("query-status"))) as {
    status?: string;
  };
  // What stands still already goes on all the same once it is resumed.
  const held = status.status === "running";
  const tag = `vmlab-suspended-${effects.random.bytes(6).toString("hex")}`;
  const volumes = writableVolumes(spec);
  call.signal.throwIfAborted();
  await writeSnapshotNote(effects, folder, { doing: "suspend", tag, volumes, held });
  try {
    call.progress("saving its memory");
    if (held) await atMachine(effects, target, (qmp) => qmp.execute("stop"));
    await saveMachine(context, target, { what, tag });
    const slots = await atMachine(effects, target, deviceSlots);
    const accel = (await readRuntime(effects, folder))?.accel ?? "tcg";
    call.signal.throwIfAborted();
    await writeSaved(effects, folder, {
      ...{ version: 1, tag, savedAt: effects.clock.now(), volumes, accel, slots },
      shape: shapeOf(vm, spec),
    });
  } catch (error) {
    await goOn(context, target, { tag, held });
    throw error;
  }
  call.progress("ending QEMU");
  await endMachine(context, folder);
  await removeSnapshotNote(effects, folder);
}

/** Before anything is done: QEMU names what it could not save. */
async function requireSavable({ effects }: QemuContext, target: SnapshotTarget): Promise<void> {
  const { name } = target.vm;
  const reasons = await atMachine(effects, target, async (qmp) => {
    const state = (await qmp.execute("query-migrate")) as { "blocked-reasons"?: readonly string[] };
    return state["blocked-reasons"] ?? [];
  });
  if (reasons.length === 0) return;
  fail({
    code: "qemu/cannot-suspend",
    address: `vm.${name}`,
    summary: `the memory of ${name} cannot be saved`,
    detail: `QEMU says: ${reasons.join("\n")}\nNothing was changed.`,
    hint: reasons.some((reason) => /VirtFS|9p/.test(reason))
      ? `A shared folder that the guest has mounted stands in the way: unmount it there, or stop the VM instead (\`vmlab stop ${name}\`).`
      : `Stop it instead: vmlab stop ${name}`,
  });
}

/** Nothing is saved, and what ran runs. What cannot be undone now is, by whoever works with the VM next. */
async function goOn(
  context: QemuContext,
  { folder, spec, call }: SnapshotTarget,
  { tag, held }: { readonly tag: string; readonly held: boolean },
): Promise<void> {
  const { effects } = context;
  try {
    // Its machine may have died meanwhile, which may be why.
    const now = await findTarget(context, spec, call);
    try {
      const volumes = writableVolumes(spec);
      await removeInner(context, now, { what: memoryOf(spec.name), tag, volumes });
    } finally {
      if (held && now.machine !== undefined) await atMachine(effects, now, (qmp) => qmp.execute("cont"));
    }
    await removeSnapshotNote(effects, folder);
  } catch (error) {
    call.output(`what was begun is not undone yet, the next command tries again: ${errorText(error)}`);
  }
}
