/** Brings a VM to a changed spec: the disk, the ports, and what the guest itself must be told. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { CallContext, VmSpec } from "../provider.ts";
import { clearAbandonedWork } from "./abandoned-work.ts";
import { vmAttributes } from "./attributes.ts";
import { bringForwards } from "./change-forwards.ts";
import type { QemuContext } from "./context.ts";
import { growDisk } from "./disk-image.ts";
import { bringGuestUpToDate } from "./guest-state.ts";
import { findMachine } from "./machine-process.ts";
import { networkConfig } from "./network/interfaces.ts";
import { withQmp } from "./qmp.ts";
import { requireRunning } from "./ready.ts";
import { NETWORK_CONFIG } from "./seed.ts";
import { makeSeedIso, writeSeedFiles } from "./seed-iso.ts";
import { formatBytes } from "./size-text.ts";
import { requireNotSuspended } from "./suspend/require-not-suspended.ts";
import {
  activeLayer,
  diskNode,
  readRuntime,
  requireVm,
  type VmFolder,
  type VmRecord,
  vmFolder,
  writeRecord,
} from "./vm-folder.ts";
import { attachVolumes } from "./volume/attach.ts";
import { whileMachineRuns } from "./watch-machine.ts";

/**
 * Idempotent. Memory, vCPUs and accelerator are taken from the spec at every start, so nothing is left to do for
 * them; keys, password and hostname of a stopped VM wait for its next ready.
 */
export async function updateVm(context: QemuContext, spec: VmSpec, call: CallContext): Promise<JsonObject> {
  const { effects, home } = context;
  const folder = vmFolder(home, spec.id);
  await clearAbandonedWork(context, folder);
  let vm = await requireVm(effects, folder);
  if (vm.name !== spec.name) {
    vm = { ...vm, name: spec.name };
    await writeRecord(effects, folder.record, vm);
  }
  let runtime = await readRuntime(effects, folder);
  const machine = await findMachine(effects, folder, runtime);
  const isRunning = machine !== undefined && runtime !== undefined;

  if (!isRunning && spec.disk !== vm.disk)
    await requireNotSuspended(effects, folder, { vm: vm.name, doing: "its disk cannot be grown" });
  if (!isRunning) await connectAnew(context, folder, vm, spec, call);
  vm = await growVmDisk(context, folder, vm, spec, isRunning, call);
  if (isRunning && runtime !== undefined) {
    call.progress("forwarding ports");
    const target = { folder, name: spec.name, runtime };
    runtime = await bringForwards(context, target, spec.ports, call.signal);
    const running = await requireRunning(context, spec.id);
    await attachVolumes(context, running, spec, call);
    call.progress("bringing the guest up to date");
    await whileMachineRuns(effects, running, "bringing the guest up to date", call.signal, (signal) =>
      bringGuestUpToDate(context, running, spec, signal),
    );
  }
  return vmAttributes(vm, runtime);
}

/** A VM that is off is put into the networks of the spec: its guest reads the network-config at the next boot. */
export async function connectAnew(
  { effects }: QemuContext,
  folder: VmFolder,
  vm: VmRecord,
  spec: VmSpec,
  call: CallContext,
): Promise<void> {
  const wanted = networkConfig(vm.mac, spec.networks ?? []);
  const path = join(folder.seedFiles, NETWORK_CONFIG);
  const names = await effects.files.list(folder.seedFiles);
  // A VM that an earlier version made has no files of its seed; in no network it needs none.
  if (names.length === 0 && (spec.networks ?? []).length === 0) return;
  if (names.length === 0) {
    fail({
      code: "qemu/no-seed-files",
      address: `vm.${vm.name}`,
      summary: `${vm.name} was made by a version of vmlab that knew no networks`,
      hint: `Make it anew: vmlab apply --replace vm.${vm.name}`,
    });
  }
  if ((await effects.files.readText(path)) === wanted) return;
  await requireNotSuspended(effects, folder, { vm: vm.name, doing: "its networks cannot change" });
  call.progress("changing its networks");
  const files: Record<string, string> = {};
  for (const name of names) files[name] = await effects.files.readText(join(folder.seedFiles, name));
  const changed = `${folder.seedFiles}.new`;
  await writeSeedFiles(effects, changed, { ...files, [NETWORK_CONFIG]: wanted });
  await makeSeedIso(effects, folder.seedIso, changed, names);
  // The file says what is in the volume, so it comes after it.
  await effects.files.write(path, wanted);
  await effects.files.remove(changed);
}

async function growVmDisk(
  context: QemuContext,
  folder: VmFolder,
  vm: VmRecord,
  spec: VmSpec,
  isRunning: boolean,
  call: CallContext,
): Promise<VmRecord> {
  if (spec.disk === vm.disk) return vm;
  if (spec.disk < vm.disk) {
    fail({
      code: "qemu/disk-shrink",
      address: `vm.${vm.name}`,
      summary: `the disk of ${vm.name} cannot shrink from ${formatBytes(vm.disk)} to ${formatBytes(spec.disk)}`,
      hint: `Set disk to ${formatBytes(vm.disk)} or more, or replace the VM: vmlab apply --replace vm.${vm.name}`,
    });
  }
  call.progress("growing the disk");
  const { effects } = context;
  if (isRunning) {
    await withQmp(effects, folder.qmpSocket, { signal: call.signal, timeoutMs: 30_000 }, (qmp) =>
      qmp.execute("block_resize", { "node-name": diskNode(vm), size: spec.disk }),
    );
  } else {
    await growDisk(effects, join(folder.root, activeLayer(vm)), spec.disk);
  }
  const grown = { ...vm, disk: spec.disk };
  await writeRecord(effects, folder.record, grown);
  return grown;
}
