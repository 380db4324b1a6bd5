/** The QEMU provider: VMs on this host, without a daemon and without root. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, VmProvider } from "../provider.ts";
import { vmReady } from "./boot-until-ready.ts";
import { addTemporary, removeTemporary } from "./change-forwards.ts";
import { checkHost } from "./check.ts";
import { checkStart } from "./check-start.ts";
import { consoleTail, trimConsoleLog } from "./console-log.ts";
import type { QemuContext } from "./context.ts";
import { createVm } from "./create.ts";
import { execInVm, openInVm, openVmConsole } from "./exec.ts";
import { tellHosts } from "./guest-state.ts";
import { pauseVm } from "./pause.ts";
import { probeVm, provisionVm, vmReadyCommand } from "./provision.ts";
import { readVms } from "./read.ts";
import { requireRunning } from "./ready.ts";
import { qemuSnapshots } from "./snapshot/index.ts";
import { sshAccess } from "./ssh-access.ts";
import { startVm } from "./start.ts";
import { stopVm } from "./stop.ts";
import { emptyTrashOf, forgetLab, listTrash, removeVm, restoreVm } from "./trash.ts";
import { updateVm } from "./update.ts";
import { requireVm, vmFolder } from "./vm-folder.ts";
import { detachVolumes } from "./volume/attach.ts";

export { probeAccel } from "./accel-probe.ts";
export { qemuVersion } from "./check.ts";
export { findUefi } from "./firmware.ts";
export { type LabMachine, machinesOfLab } from "./lab-machines.ts";
export { qemuNetworkProvider } from "./network/provider.ts";
export { qemuVolumeProvider } from "./volume/provider.ts";

/** What the provider stands on. */
export interface QemuProviderOptions {
  readonly effects: Effects;
  readonly home: Home;
  /** Path of an image's disk in the store, whether it is there or not. */
  readonly imageDisk: (digest: string) => string;
  /** Digest of a layer of the image that is not in the store. */
  readonly missingLayer?: (digest: string) => Promise<string | undefined>;
}

export function qemuProvider(options: QemuProviderOptions): VmProvider {
  const context: QemuContext = { ...options, frozen: new Map() };
  const { effects, home } = options;
  return {
    name: "qemu",
    version: "1",
    usesHost: true,
    // Booting is the heaviest thing a guest does; more at a time make all of them slower than one after the other.
    check: (needs) => checkHost(context, needs),
    read: (ids, signal) => readVms(context, ids, signal),
    usage: async (ids) => {
      const { measureVms } = await import("./usage.ts");
      return await measureVms(context, ids);
    },
    create: (spec, call) => createVm(context, spec, call),
    checkStart: (spec) => checkStart(context, spec),
    start: (spec, call) => startVm(context, spec, call),
    ready: (spec, call) => vmReady(context, spec, call),
    readyCommand: (spec, call) => vmReadyCommand(context, spec, call),
    probe: (spec, call) => probeVm(context, spec, call),
    provision: (spec, step, call) => provisionVm(context, spec, step, call),
    update: (spec, call) => updateVm(context, spec, call),
    tellHosts: async (spec, call) => {
      const running = await requireRunning(context, spec.id);
      await tellHosts(context, running, spec, call.signal);
    },
    detach: (spec, call) => detachVolumes(context, spec, call),
    pause: (id, call) => pauseVm(context, id, call),
    suspend: async (spec, call) => {
      const { suspendVm } = await import("./suspend/suspend.ts");
      await suspendVm(context, spec, call);
    },
    stop: async (id, stopOptions, call) => {
      await stopVm(context, id, stopOptions, call);
      if (stopOptions.force === true) await giveUpSaved(context, id, call);
    },
    remove: async (id, removeOptions) => {
      await giveUpSaved(context, id);
      await removeVm(context, id, removeOptions);
    },
    forgetLab: (lab) => forgetLab(context, lab),
    exec: (id, command, execOptions, call) => execInVm(context, id, command, execOptions, call),
    open: (id, command, openOptions, signal) => openInVm(context, id, command, openOptions, signal),
    ssh: (id) => sshAccess(context, id),
    addPort: (id, port, signal) => addTemporary(context, id, port, signal),
    removePort: (id, port, signal) => removeTemporary(context, id, port, signal),
    openConsole: (id, signal) => openVmConsole(context, id, signal),
    consoleLog: async (id, lines) => {
      const folder = vmFolder(home, id);
      await requireVm(effects, folder);
      return await consoleTail(effects, folder, lines);
    },
    trimLogs: async (ids) => {
      for (const id of ids) await trimConsoleLog(effects, vmFolder(home, id));
    },
    exportImage: async (id, exportOptions, call) => {
      // Seldom used, and nothing that others wait for.
      const { exportImage } = await import("./export/export-image.ts");
      return await exportImage(context, id, exportOptions, call);
    },
    snapshots: qemuSnapshots(context),
    trash: () => listTrash(context),
    restoreFromTrash: (id) => restoreVm(context, id),
    emptyTrash: (id) => emptyTrashOf(context, id),
  };
}

/** Few machines have any. */
async function giveUpSaved(context: QemuContext, id: string, call?: CallContext): Promise<void> {
  if ((await context.effects.files.stat(vmFolder(context.home, id).suspended)) === undefined) return;
  const { discardSaved } = await import("./suspend/discard.ts");
  await discardSaved(context, id, call);
}
