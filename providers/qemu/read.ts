/** What exists under instance ids: read from files and the process table, without asking any guest or QEMU. */
import { join } from "node:path";
import { isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { VmObservation } from "../provider.ts";
import { vmAttributes } from "./attributes.ts";
import { sharedLayerPath } from "./clone/shared-layers.ts";
import type { QemuContext } from "./context.ts";
import { forwardedPort } from "./forwards.ts";
import { type MachineLog, readMachineLog } from "./machine-log.ts";
import { findMachine } from "./machine-process.ts";
import {
  type Runtime,
  readRuntime,
  readVmRecord,
  type VmFolder,
  type VmRecord,
  vmFolder,
} from "./vm-folder.ts";

/** VMs looked at side by side; each costs a handful of small reads. */
const WIDTH = 32;

/** One observation for each id. */
export async function readVms(
  context: QemuContext,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, VmObservation>> {
  const found = new Map<string, VmObservation>();
  // Lab members share their bases: each is looked at once.
  const layers = new Map<string, Promise<string | undefined>>();
  const waiting = [...ids];
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      signal?.throwIfAborted();
      found.set(id, await readVm(context, id, layers));
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, ids.length) }, work));
  return found;
}

/** What exists under one id. A damaged or missing record hides no machine that runs: it must be stoppable. */
async function readVm(
  context: QemuContext,
  id: string,
  layers = new Map<string, Promise<string | undefined>>(),
): Promise<VmObservation> {
  const { effects } = context;
  const folder = vmFolder(context.home, id);
  const damage: string[] = [];
  const sound = async <T>(reading: Promise<T | undefined>): Promise<T | undefined> => {
    try {
      return await reading;
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      damage.push(...error.diagnostics.map(({ summary }) => summary));
      return undefined;
    }
  };
  const vm = await sound(readVmRecord(effects, folder));
  const runtime = await sound(readRuntime(effects, folder));
  const attributes = vm === undefined ? {} : vmAttributes(vm, runtime);
  if (vm !== undefined && (await restoreWasCutOff(effects, folder))) {
    const reason = "vmlab died while it restored a snapshot of it";
    return { state: "stopped", clean: false, reason, attributes };
  }
  const machine = await findMachine(effects, folder, runtime);
  const suspended = vm !== undefined && (await suspendedThere(effects, folder, machine !== undefined));
  if (machine !== undefined && !suspended) {
    const log = await readMachineLog(effects, folder);
    const { paused, ...going } = log;
    const held = paused !== undefined && (await heldForSnapshot(effects, folder));
    return running(held ? going : log, attributes, runtime);
  }

  if (damage.length > 0) return { state: "broken", reason: damage.join("; "), attributes };
  if (vm === undefined) {
    return (await effects.files.stat(folder.root)) === undefined
      ? { state: "absent" }
      : { state: "incomplete" };
  }

  const missing = await missingLayer(context, folder, vm, layers);
  if (missing !== undefined) return { state: "broken", reason: missing, attributes };
  if (suspended) return { state: "stopped", clean: true, suspended: true, attributes };
  if (runtime === undefined || runtime.state === "stopped" || runtime.state === "stopping") {
    return { state: "stopped", clean: true, attributes };
  }
  return { state: "stopped", ...(await howItEnded(effects, folder, runtime)), attributes };
}

async function restoreWasCutOff(effects: Effects, folder: VmFolder): Promise<boolean> {
  if ((await effects.files.stat(folder.snapshotNote)) === undefined) return false;
  const { noteOf } = await import("./snapshot/snapshot-note.ts");
  const note = await noteOf(effects, folder);
  return note?.doing === "restore" && note.abandoned;
}

/** A machine that stands still only while a snapshot of it is taken goes on by itself, or with whoever works with it next. */
async function heldForSnapshot(effects: Effects, folder: VmFolder): Promise<boolean> {
  if ((await effects.files.stat(folder.snapshotNote)) === undefined) return false;
  const { noteOf } = await import("./snapshot/snapshot-note.ts");
  const note = await noteOf(effects, folder);
  return note?.doing === "take" && note.held;
}

async function suspendedThere(effects: Effects, folder: VmFolder, running: boolean): Promise<boolean> {
  if ((await effects.files.stat(folder.suspended)) === undefined) return false;
  const { isSuspended } = await import("./suspend/is-suspended.ts");
  return await isSuspended(effects, folder, running);
}

function running(log: MachineLog, attributes: JsonObject, runtime: Runtime | undefined): VmObservation {
  const forwards = (runtime?.forwards ?? []).filter(({ host }) => host !== 0).map(forwardedPort);
  if (log.paused === undefined) return { state: "running", paused: false, attributes, forwards };
  const reason = pauseReason(log.paused);
  const pausedBy = PAUSED_BY[log.paused] ?? "user";
  return { state: "running", paused: true, pausedBy, attributes: { ...attributes, reason }, forwards };
}

/** By QEMU's names of run states (RunState in its qapi/run-state.json). */
const PAUSED_BY: Readonly<Record<string, "disk-full" | "guest" | "host">> = {
  "io-error": "disk-full",
  "guest-panicked": "guest",
  "internal-error": "host",
};

/** QEMU's names of run states, in words. */
function pauseReason(state: string): string {
  switch (state) {
    case "io-error":
      return "the host's disk is full: free some space, then resume the VM";
    case "paused":
      return "paused";
    case "guest-panicked":
      return "the guest's kernel panicked";
    case "internal-error":
      return "QEMU met an internal error";
    default:
      return state;
  }
}

/** A machine that vmlab did not stop: did its guest power off, or did it die? */
async function howItEnded(
  effects: Effects,
  folder: VmFolder,
  runtime: Runtime,
): Promise<{ clean: boolean; reason: string }> {
  const log = await readMachineLog(effects, folder);
  switch (log.end) {
    case "guest-shutdown":
      return { clean: true, reason: "powered off from inside" };
    case "quit":
      return { clean: true, reason: "QEMU was told to quit through its monitor" };
    case "signal":
      return { clean: false, reason: `QEMU was ended by a signal${said(log)}` };
    default:
  }
  if (runtime.bootId !== (await effects.host.bootId())) {
    return { clean: false, reason: "the host went down while it was running" };
  }
  if (runtime.state === "starting") return { clean: false, reason: `its start did not finish${said(log)}` };
  // Without a word: SIGKILL, the out-of-memory killer, a crash.
  return { clean: false, reason: `QEMU died${said(log)}` };
}

function said(log: MachineLog): string {
  const last = log.messages.at(-1);
  return last === undefined ? "" : `: ${last.replace(/^qemu-system-\S+: /, "")}`;
}

/** Names the first layer of the disk that is not there, also below its image. */
async function missingLayer(
  context: QemuContext,
  folder: VmFolder,
  vm: VmRecord,
  known: Map<string, Promise<string | undefined>>,
): Promise<string | undefined> {
  for (const layer of vm.layers) {
    if (!("digest" in layer)) {
      const path =
        "file" in layer ? join(folder.root, layer.file) : sharedLayerPath(context.home, layer.shared);
      if ((await context.effects.files.stat(path))?.kind !== "file") return `its disk ${path} is missing`;
      continue;
    }
    const missing = known.get(layer.digest) ?? missingImage(context, layer.digest);
    known.set(layer.digest, missing);
    const digest = await missing;
    if (digest === undefined) continue;
    return digest === layer.digest
      ? `the image ${digest} that its disk stands on is missing from the store`
      : `the image ${digest}, a layer below its disk, is missing from the store`;
  }
  return undefined;
}

async function missingImage(context: QemuContext, digest: string): Promise<string | undefined> {
  if (context.missingLayer !== undefined) return await context.missingLayer(digest);
  const disk = await context.effects.files.stat(context.imageDisk(digest));
  return disk?.kind === "file" ? undefined : digest;
}
