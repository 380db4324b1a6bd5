/** Powers a VM on. */
import { join } from "node:path";
import { DiagnosticsError, fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { CallContext, VmSpec } from "../provider.ts";
import { clearAbandonedWork } from "./abandoned-work.ts";
import { type Accelerator, chooseAccel } from "./accel-probe.ts";
import { vmAttributes } from "./attributes.ts";
import { commandLine, type MachineOptions } from "./command-line.ts";
import { prepareConsoleLog } from "./console-log.ts";
import type { QemuContext } from "./context.ts";
import { indent } from "./evidence.ts";
import {
  boundForwards,
  type Forward,
  hostForwardRule,
  refusedRule,
  resolveForwards,
  wantedForwards,
} from "./forwards.ts";
import { readMachineLog } from "./machine-log.ts";
import { findMachine, type MachineProcess } from "./machine-process.ts";
import { connectInterfaces, hasInternet } from "./network/interfaces.ts";
import { portTaken } from "./port-holder.ts";
import { QEMU } from "./programs.ts";
import { withQmp } from "./qmp.ts";
import { setGuestClock } from "./snapshot/guest-clock.ts";
import {
  activeLayer,
  checkSocketPaths,
  type Runtime,
  readRuntime,
  requireVm,
  type VmFolder,
  type VmRecord,
  vmFolder,
  writeRecord,
} from "./vm-folder.ts";
import { connectVolumes } from "./volume/attach.ts";

/** QEMU is up, with a disk of any size, well within this. */
const LAUNCH_MS = 60_000;

/** Idempotent: a machine that runs is left running, one that is paused or suspended goes on. */
export async function startVm(context: QemuContext, spec: VmSpec, call: CallContext): Promise<JsonObject> {
  return await powerOn(context, spec, call, {});
}

/** A machine that is off, which then waits for "cont" before its first instruction. */
export async function startPaused(
  context: QemuContext,
  spec: VmSpec,
  call: CallContext,
  slots: MachineOptions["slots"] = {},
): Promise<JsonObject> {
  return await powerOn(context, spec, call, { paused: true, slots });
}

async function powerOn(
  context: QemuContext,
  spec: VmSpec,
  call: CallContext,
  how: Pick<MachineOptions, "paused" | "slots">,
): Promise<JsonObject> {
  const { effects, home } = context;
  const folder = vmFolder(home, spec.id);
  checkSocketPaths(folder, effects.host.platform);
  await clearAbandonedWork(context, folder);
  const vm = await requireVm(effects, folder);
  const before = await readRuntime(effects, folder);
  const machine = await findMachine(effects, folder, before);
  const accel = await chooseAccel(effects, home, spec.accel, spec.name);
  if (machine !== undefined) {
    const known = before ?? (await newRuntime(context, folder, spec, accel, undefined));
    const { runtime, wentOn } = await adopt(context, folder, known, machine, call.signal);
    if (wentOn) await setGuestClock(context, spec.id, call);
    return vmAttributes(vm, runtime);
  }
  if (how.paused !== true && (await effects.files.stat(folder.suspended)) !== undefined) {
    const [{ resumeSaved }, { readSaved }] = await Promise.all([
      import("./suspend/resume.ts"),
      import("./suspend/saved-machine.ts"),
    ]);
    const saved = await readSaved(effects, folder);
    if (saved !== undefined) return await resumeSaved(context, { folder, vm, saved }, spec, call);
  }
  call.signal.throwIfAborted();
  call.progress(accel === "tcg" ? "starting QEMU (emulated, no KVM)" : `starting QEMU (${accel})`);
  const runtime = await launch(context, { folder, vm, spec, accel, how }, before);
  return vmAttributes(vm, runtime);
}

/** The record of a start that is about to be made. */
async function newRuntime(
  context: QemuContext,
  folder: VmFolder,
  spec: VmSpec,
  accel: Accelerator,
  before: Runtime | undefined,
): Promise<Runtime> {
  const { effects } = context;
  return {
    version: 1,
    state: "starting",
    bootId: await effects.host.bootId(),
    accel,
    forwards: wantedForwards(spec.ports, before?.forwards ?? []),
    startedAt: effects.clock.now(),
    consoleOffset: (await effects.files.stat(folder.consoleLog))?.size ?? 0,
  };
}

/** A machine that runs already: its record is completed where vmlab died before, and it goes on where paused. */
async function adopt(
  context: QemuContext,
  folder: VmFolder,
  before: Runtime,
  machine: MachineProcess,
  signal: AbortSignal,
): Promise<{ runtime: Runtime; wentOn: boolean }> {
  const { effects } = context;
  return await withQmp(effects, folder.qmpSocket, { signal }, async (qmp) => {
    const status = (await qmp.execute("query-status", {}, { signal })) as { status?: string };
    const wentOn = status.status === "paused" || status.status === "io-error";
    if (wentOn) await qmp.execute("cont", {}, { signal });
    if (before.state === "running" && before.pid === machine.pid) return { runtime: before, wentOn };
    const forwards = resolveForwards(before.forwards, await boundForwards(qmp));
    const runtime: Runtime = { ...before, state: "running", ...machine, forwards };
    await writeRecord(effects, folder.runtime, runtime);
    return { runtime, wentOn };
  });
}

interface Launch {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly spec: VmSpec;
  readonly accel: Accelerator;
  readonly how: Pick<MachineOptions, "paused" | "slots">;
}

async function launch(context: QemuContext, what: Launch, before: Runtime | undefined): Promise<Runtime> {
  const { effects } = context;
  const { folder, spec, accel } = what;
  const consoleOffset = await prepareConsoleLog(effects, folder);
  const starting = { ...(await newRuntime(context, folder, spec, accel, before)), consoleOffset };
  for (const path of [
    folder.pidFile,
    folder.qemuLog,
    folder.qmpSocket,
    folder.consoleSocket,
    folder.agentSocket,
  ]) {
    await effects.files.remove(path);
  }
  // Durable before QEMU starts: with its pid file, a crash from here on can be told from a clean stop.
  await writeRecord(effects, folder.runtime, starting);
  const wanted = await launchWithPorts(context, what, starting.forwards);

  const machine = await findMachine(effects, folder, starting);
  if (machine === undefined) return await launchFailed(context, what, "It ended at once.");
  // The monitor, and so the kernel's choice of ports, outlives an abort of the caller: the record must be complete.
  const bound = await withQmp(effects, folder.qmpSocket, { timeoutMs: 20_000 }, boundForwards);
  const runtime: Runtime = {
    ...starting,
    ...machine,
    state: "running",
    forwards: resolveForwards(wanted, bound),
  };
  await writeRecord(effects, folder.runtime, runtime);
  return runtime;
}

/** Starts QEMU; a port of the last start that is taken by now is left to the kernel. */
async function launchWithPorts(
  context: QemuContext,
  what: Launch,
  forwards: readonly Forward[],
): Promise<readonly Forward[]> {
  const { effects } = context;
  const { folder, vm, spec, accel } = what;
  const interfaces = await connectInterfaces(context, spec);
  const volumes = await connectVolumes(context, spec);
  let wanted = forwards;
  for (;;) {
    const args = commandLine({
      folder,
      name: vm.name,
      machine: vm.machine,
      accel,
      cpus: spec.cpus,
      memory: spec.memory,
      mac: vm.mac,
      disk: join(folder.root, activeLayer(vm)),
      ...(vm.uefiCode === undefined ? {} : { uefiCode: vm.uefiCode }),
      forwards: wanted,
      interfaces,
      internet: hasInternet(spec.networks ?? []),
      volumes,
      shares: spec.shares ?? [],
      ...what.how,
    });
    const result = await run(context, args);
    if (result.code === 0) return wanted;
    const rule = refusedRule(
      `${result.stderr}\n${(await readMachineLog(effects, folder)).messages.join("\n")}`,
    );
    const refused = wanted.find((forward) => hostForwardRule(forward) === rule);
    if (refused === undefined) {
      return await launchFailed(
        context,
        what,
        result.timedOut ? "It did not come up in time." : result.stderr.trim(),
      );
    }
    if (!refused.chosen) throw new DiagnosticsError([await portTaken(effects, vm.name, refused)]);
    if (refused.host === 0) return await launchFailed(context, what, result.stderr.trim());
    wanted = wanted.map((forward) => (forward === refused ? { ...forward, host: 0 } : forward));
  }
}

async function run(
  context: QemuContext,
  args: string[],
): Promise<{ code: number | null; stderr: string; timedOut: boolean }> {
  try {
    return await context.effects.processes.run(QEMU, args, { timeoutMs: LAUNCH_MS });
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    return fail({
      code: "qemu/missing",
      summary: `${QEMU} is not installed`,
      hint: "Debian, Ubuntu: apt install qemu-system-x86. Fedora: dnf install qemu-system-x86. macOS: brew install qemu.",
    });
  }
}

async function launchFailed(
  context: QemuContext,
  { folder, vm, accel }: Launch,
  said: string,
): Promise<never> {
  const log = (await readMachineLog(context.effects, folder)).messages;
  const text = [...new Set([...said.split("\n"), ...log])].filter((line) => line.trim() !== "");
  const hint = /lock/.test(said)
    ? "Another QEMU has its disk open: see `vmlab doctor`."
    : /[Cc]annot allocate memory|cannot set up guest memory/.test(said)
      ? "Stop other VMs, or give this one less memory."
      : accel === "tcg"
        ? "Run `vmlab doctor` for the state of QEMU on this host."
        : "Set VMLAB_ACCEL=tcg to see whether it starts under emulation; `vmlab doctor` tests the accelerator.";
  return fail({
    code: "qemu/start-failed",
    address: `vm.${vm.name}`,
    summary: `QEMU could not start ${vm.name}`,
    detail: `QEMU said:\n${indent(text.slice(-10))}`,
    hint,
  });
}
