/** Removes VMs, for good or into the trash, from which they come back whole. */

import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import type { LabIdentity, TrashedVm } from "../provider.ts";
import { clearAbandonedWork } from "./abandoned-work.ts";
import { holdingLayers, removeUnusedLayers } from "./clone/shared-layers.ts";
import type { QemuContext } from "./context.ts";
import { findMachine } from "./machine-process.ts";
import { removeSegmentsOf } from "./network/segment.ts";
import { forgetInVolumes } from "./snapshot/forget-in-volumes.ts";
import { labKeyFolder } from "./ssh-keys.ts";
import {
  readRuntime,
  readVmRecord,
  trashFolder,
  unlessDamaged,
  type VmFolder,
  type VmRecord,
  vmFolder,
} from "./vm-folder.ts";

/** Says that a lab has no VMs any more; its key goes with the last of them in the trash. */
const FORGOTTEN = "forgotten";

/**
 * What is absent is no error; what runs is refused. A half-made VM is never worth the trash; one whose records are
 * damaged is: its disk is whole.
 */
export async function removeVm(
  context: QemuContext,
  id: string,
  options: { readonly trash?: Omit<TrashedVm, "size" | "id"> },
): Promise<void> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  if ((await effects.files.stat(folder.root)) === undefined) return;
  // A machine that was never let go on, by a vmlab that died, is none that runs.
  await clearAbandonedWork(context, folder).catch(() => undefined);
  const record = await unlessDamaged(readVmRecord(effects, folder));
  const runtime = await unlessDamaged(readRuntime(effects, folder));
  if ((await findMachine(effects, folder, runtime)) !== undefined) {
    const name = record?.name ?? options.trash?.name ?? id;
    fail({
      code: "qemu/still-running",
      address: `vm.${name}`,
      summary: `${name} is running and cannot be removed`,
      hint: `Stop it first: vmlab stop ${name}`,
    });
  }
  if (options.trash === undefined || (await isHalfMade(context, folder))) {
    await forgetInVolumes(context, folder);
    // The record goes first: a folder that a crash leaves is half a VM, not one with a missing disk.
    await effects.files.remove(folder.record);
    await effects.files.remove(folder.root);
    await removeUnusedLayers(effects, home);
    return;
  }
  await effects.files.write(folder.trashRecord, `${JSON.stringify({ ...options.trash, id })}\n`);
  await effects.files.makeDir(home.trash);
  await effects.files.remove(trashFolder(home, id).root);
  await keepingLayers(context, record, () => effects.files.rename(folder.root, trashFolder(home, id).root));
}

/** Whoever looks for layers that nobody needs must not pass over a VM that is between two folders. */
async function keepingLayers(
  { effects, home }: QemuContext,
  vm: VmRecord | undefined,
  move: () => Promise<void>,
): Promise<void> {
  const shares = vm === undefined || vm.layers.some((layer) => "shared" in layer);
  if (shares) await holdingLayers(effects, home, move);
  else await move();
}

/** The record is the last thing that create writes; what was ever started had one. */
async function isHalfMade({ effects }: QemuContext, folder: VmFolder): Promise<boolean> {
  return (
    (await effects.files.stat(folder.record)) === undefined &&
    (await effects.files.stat(folder.runtime)) === undefined
  );
}

/** Everything in the trash, newest first. */
export async function listTrash({ effects, home }: QemuContext): Promise<readonly TrashedVm[]> {
  const found: TrashedVm[] = [];
  for (const id of await effects.files.list(home.trash)) {
    const folder = trashFolder(home, id);
    const record = await readTrashRecord(effects, folder);
    if (record === undefined) continue;
    let size = 0;
    for (const name of await effects.files.list(folder.root)) {
      size += (await effects.files.stat(join(folder.root, name)))?.allocated ?? 0;
    }
    found.push({ ...record, id, size });
  }
  return found.sort((a, b) => b.deletedAt - a.deletedAt || a.id.localeCompare(b.id));
}

/** Undefined for what is no VM in the trash. */
async function readTrashRecord(
  effects: Effects,
  folder: VmFolder,
): Promise<Omit<TrashedVm, "size"> | undefined> {
  const text = await readTextIfThere(effects.files, folder.trashRecord);
  return text === undefined ? undefined : (JSON.parse(text) as Omit<TrashedVm, "size">);
}

/** Moves a VM back; one that is back already is no error. */
export async function restoreVm(context: QemuContext, id: string): Promise<void> {
  const { effects, home } = context;
  const there = trashFolder(home, id);
  const here = vmFolder(home, id);
  if ((await effects.files.stat(there.root)) !== undefined) {
    if ((await effects.files.stat(here.root)) !== undefined) {
      fail({
        code: "qemu/trash-conflict",
        summary: `the VM ${id} cannot come back from the trash: something with its id exists`,
        detail: `${here.root} is in the way.`,
        hint: "Run `vmlab doctor`.",
      });
    }
    await effects.files.makeDir(home.vms);
    const vm = await unlessDamaged(readVmRecord(effects, there));
    await keepingLayers(context, vm, () => effects.files.rename(there.root, here.root));
  } else if ((await effects.files.stat(here.root)) === undefined) {
    fail({
      code: "qemu/not-in-trash",
      summary: `there is no VM with the id ${id} in the trash`,
      hint: "List it: vmlab trash list",
    });
  }
  await effects.files.remove(here.trashRecord);
}

/** Removes a VM from the trash for good. */
export async function emptyTrashOf(context: QemuContext, id: string): Promise<void> {
  const { effects, home } = context;
  const folder = trashFolder(home, id);
  const lineage = await lineageOf(effects, folder);
  await forgetInVolumes(context, folder);
  await effects.files.remove(folder.root);
  await removeUnusedLayers(effects, home);
  if (lineage === undefined) return;
  if ((await effects.files.stat(join(labKeyFolder(home, lineage), FORGOTTEN))) === undefined) return;
  await removeKeyIfUnused(context, lineage);
}

/**
 * Removes the lab's networks and its key. While VMs of the lab are in the trash, which would need the key if they came
 * back, it is only marked: then it goes with the last of them.
 */
export async function forgetLab(context: QemuContext, lab: LabIdentity): Promise<void> {
  await removeSegmentsOf(context.effects, context.home, lab.lineage);
  const folder = labKeyFolder(context.home, lab.lineage);
  if ((await context.effects.files.stat(folder)) === undefined) return;
  await context.effects.files.write(join(folder, FORGOTTEN), "");
  await removeKeyIfUnused(context, lab.lineage);
}

async function removeKeyIfUnused(context: QemuContext, lineage: string): Promise<void> {
  const { effects, home } = context;
  const folders = [
    ...(await effects.files.list(home.trash)).map((id) => trashFolder(home, id)),
    ...(await effects.files.list(home.vms)).map((id) => vmFolder(home, id)),
  ];
  for (const folder of folders) {
    if ((await lineageOf(effects, folder)) === lineage) return;
  }
  await effects.files.remove(labKeyFolder(home, lineage));
}

/** The lab that a VM belongs to; in the trash that is known even where the VM's own record is damaged. */
async function lineageOf(effects: Effects, folder: VmFolder): Promise<string | undefined> {
  const vm = await readVmRecord(effects, folder).catch(() => undefined);
  return vm?.lab.lineage ?? (await readTrashRecord(effects, folder).catch(() => undefined))?.lineage;
}
