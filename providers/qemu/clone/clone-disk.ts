/** The disk of a clone: a layer over what its source has written so far, or a copy of that. */
import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import type { CallContext, CloneSpec, VmSpec } from "../../provider.ts";
import { clearAbandonedWork } from "../abandoned-work.ts";
import { UEFI_VARS_NODE } from "../command-line.ts";
import type { QemuContext } from "../context.ts";
import { createOverlay, type DiskCopySource, diskInfo } from "../disk-image.ts";
import { findMachine, type MachineProcess } from "../machine-process.ts";
import { withQmp } from "../qmp.ts";
import { readVms } from "../read.ts";
import { formatBytes } from "../size-text.ts";
import { innerSnapshots } from "../snapshot/snapshot-disks.ts";
import { readSnapshot } from "../snapshot/snapshot-record.ts";
import { requireNotSuspended } from "../suspend/require-not-suspended.ts";
import {
  activeLayer,
  type DiskLayer,
  type GuestRecord,
  readGuestRecord,
  readRuntime,
  requireVm,
  type VmFolder,
  type VmRecord,
  vmFolder,
} from "../vm-folder.ts";
import { copyDisk } from "./copy-disk.ts";
import { shareDisk } from "./share-disk.ts";
import { sharedLayerPath } from "./shared-layers.ts";

/** The machine that is cloned. */
export interface CloneSource {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  /** Undefined while it is off. */
  readonly machine: MachineProcess | undefined;
  /** Virtual size of its disk in bytes: what the disk itself says, which a crash may have left ahead of the record. */
  readonly disk: number;
}

/** What of the source the clone begins with. */
export interface ClonedDisk {
  /** Of the clone, the last its own. */
  readonly layers: readonly DiskLayer[];
  /** What the guest on it was told. */
  readonly guest: GuestRecord | undefined;
  /** What its firmware remembers; undefined for one that boots without UEFI. */
  readonly uefiVars: DiskCopySource | undefined;
}

const QMP_MS = 30_000;
/** How long another clone of the same machine is waited for: it may copy a whole disk. */
const LOCK_MS = 60 * 60_000;

/** Makes `spec`'s disk in `folder` under the name `file`. The source keeps all that it has, and goes on if it runs. */
export async function cloneDisk(
  context: QemuContext,
  spec: VmSpec,
  clone: CloneSpec,
  to: { readonly folder: VmFolder; readonly file: string },
  call: CallContext,
): Promise<ClonedDisk> {
  const { effects, home } = context;
  const lock = { timeoutMs: LOCK_MS, signal: call.signal };
  // Others may be cloning it in this very moment.
  return await withHostLock(
    effects,
    home,
    `clone-${clone.source}`,
    () => make(context, spec, clone, to, call),
    lock,
  );
}

async function make(
  context: QemuContext,
  spec: VmSpec,
  clone: CloneSpec,
  to: { readonly folder: VmFolder; readonly file: string },
  call: CallContext,
): Promise<ClonedDisk> {
  const { effects, home } = context;
  const source = await soundSource(context, spec, clone);
  const { folder, vm, disk } = source;
  if (spec.disk < disk) {
    fail({
      code: "qemu/disk-too-small",
      address: `vm.${spec.name}`,
      summary: `the disk of ${spec.name} is smaller than that of ${vm.name}, of which it is a clone`,
      detail: `disk is ${formatBytes(spec.disk)}, that of ${vm.name} has ${formatBytes(disk)}.`,
      hint: `Set disk to ${formatBytes(disk)} or more.`,
    });
  }
  const path = join(to.folder.root, to.file);
  const own = { file: to.file };
  const taken =
    clone.snapshot === undefined ? undefined : await readSnapshot(effects, folder, clone.snapshot);
  // Those in a snapshot were written with it.
  if (vm.uefiCode !== undefined && taken === undefined && source.machine !== undefined)
    await flushUefiVars(context, source);
  const known = {
    guest: taken === undefined ? await readGuestRecord(effects, folder) : taken.guest,
    uefiVars:
      vm.uefiCode === undefined
        ? undefined
        : ({
            path: folder.uefiVars,
            format: "qcow2",
            ...(taken === undefined ? {} : { snapshot: taken.tag }),
          } as const),
  };
  // A snapshot lies inside the layer that the machine writes to, and could not be gone back to in any other.
  const inner = await innerSnapshots(effects, join(folder.root, activeLayer(vm)));
  if (clone.full || clone.snapshot !== undefined || inner.length > 0) {
    const [image] = vm.layers;
    if (image === undefined || !("digest" in image)) throw new Error(`${vm.id} stands on no image`);
    const base = context.imageDisk(image.digest);
    await copyDisk(context, source, { base, path, size: spec.disk, ...clone }, call);
    return { layers: [image, own], ...known };
  }
  const below = await shareDisk(context, source, call);
  const top = below.at(-1);
  if (top === undefined || !("shared" in top)) throw new Error(`${vm.id} shares no layer`);
  call.progress("making the disk");
  await createOverlay(effects, path, { path: sharedLayerPath(home, top.shared), format: "qcow2" }, spec.disk);
  return { layers: [...below, own], ...known };
}

/**
 * QEMU keeps in memory where in the qcow2 file a changed variable lies until it is told to write everything, and unlike
 * a disk's the guest never tells it to.
 */
async function flushUefiVars({ effects }: QemuContext, { folder, vm }: CloneSource): Promise<void> {
  const said = await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) =>
    qmp.monitor(`qemu-io ${UEFI_VARS_NODE} flush`),
  );
  if (said.trim() !== "")
    throw new Error(`QEMU does not write the UEFI variables of ${vm.name}: ${said.trim()}`);
}

async function soundSource(
  context: QemuContext,
  spec: VmSpec,
  { source: id, snapshot }: CloneSpec,
): Promise<CloneSource> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  await clearAbandonedWork(context, folder);
  const vm = await requireVm(effects, folder);
  const observation = (await readVms(context, [id])).get(id);
  if (observation?.state === "broken") {
    fail({
      code: "vm/broken",
      address: `vm.${spec.name}`,
      summary: `${vm.name} cannot be cloned: ${observation.reason}`,
      hint: "`vmlab doctor` looks closer.",
    });
  }
  if (snapshot === undefined) {
    const doing = "a clone would lack what its guest has in memory";
    await requireNotSuspended(effects, folder, { vm: vm.name, doing });
  }
  const machine = await findMachine(effects, folder, await readRuntime(effects, folder));
  if (observation?.state === "running" && observation.paused && snapshot === undefined) {
    fail({
      code: "qemu/clone-paused",
      address: `vm.${spec.name}`,
      summary: `${vm.name} is paused: a clone would lack what its guest has not written yet`,
      hint: `Let it go on first: vmlab resume ${vm.name}. Or clone a snapshot of it (--from-snapshot).`,
    });
  }
  if ((await effects.files.stat(folder.layerNote)) !== undefined) {
    fail({
      code: "qemu/clone-unfinished",
      address: `vm.${spec.name}`,
      summary: `an earlier clone of ${vm.name} is not finished: its machine does not write to its new layer yet`,
      detail: "Nothing is lost: it goes on writing where it did.",
      hint: `Run the command again; \`vmlab restart ${vm.name}\` settles it in any case.`,
    });
  }
  const { virtualSize } = await diskInfo(effects, join(folder.root, activeLayer(vm)));
  return { folder, vm, machine, disk: Math.max(vm.disk, virtualSize) };
}
