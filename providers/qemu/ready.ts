/**
 * The stages of getting ready: process → SSH banner → login → cloud-init. Each has a deadline and an own hint, and
 * fails with evidence. While they wait, the machine is watched.
 */
import { fail } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { CallContext, SshAccess, VmSpec } from "../provider.ts";
import { clearAbandonedWork } from "./abandoned-work.ts";
import { vmAttributes } from "./attributes.ts";
import { sshAnswers } from "./banner.ts";
import { cloudInitProblem, waitForCloudInit } from "./cloud-init.ts";
import type { QemuContext } from "./context.ts";
import { machineEvidence } from "./evidence.ts";
import { runInGuest } from "./guest-shell.ts";
import { bringGuestUpToDate } from "./guest-state.ts";
import { findMachine, type MachineProcess } from "./machine-process.ts";
import { accessOf } from "./ssh-access.ts";
import { type Runtime, readRuntime, requireVm, type VmFolder, type VmRecord, vmFolder } from "./vm-folder.ts";
import { whileMachineRuns } from "./watch-machine.ts";

/** Emulated guests take longer; their deadlines are multiplied. */
const TCG_FACTOR = 3;

/** A running machine with what is known of it. */
export interface RunningMachine {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly runtime: Runtime;
  readonly machine: MachineProcess;
  readonly access: SshAccess;
}

/** The machine under an id, which has to run. */
export async function requireRunning(context: QemuContext, id: string): Promise<RunningMachine> {
  const folder = vmFolder(context.home, id);
  const vm = await requireVm(context.effects, folder);
  await clearAbandonedWork(context, folder);
  const runtime = await readRuntime(context.effects, folder);
  const machine = await findMachine(context.effects, folder, runtime);
  if (machine === undefined || runtime === undefined) {
    return fail({
      code: "qemu/not-running",
      address: `vm.${vm.name}`,
      summary: `${vm.name} is not running`,
      hint: `Start it: vmlab start ${vm.name}`,
    });
  }
  return { folder, vm, runtime, machine, access: accessOf(context, vm, runtime) };
}

/** Deadlines are longer under emulation. */
export function stretched(runtime: Runtime, ms: number): number {
  return runtime.accel === "tcg" ? ms * TCG_FACTOR : ms;
}

interface Stage {
  readonly name: "boot" | "login" | "cloud-init";
  readonly phase: string;
  readonly deadlineMs: number;
  readonly hint: string;
  /** Undefined when it passed; otherwise what was missing when the time was over. */
  readonly wait: (signal: AbortSignal, until: number) => Promise<string | undefined>;
}

/** Passes all stages, then brings keys, password and file system size up to date. */
export async function passStages(context: QemuContext, spec: VmSpec, call: CallContext): Promise<JsonObject> {
  const { effects } = context;
  const running = await requireRunning(context, spec.id);
  for (const stage of stages(context, spec, call, running)) await passStage(context, running, stage, call);
  call.progress("bringing the guest up to date");
  await whileMachineRuns(effects, running, "bringing the guest up to date", call.signal, (signal) =>
    bringGuestUpToDate(context, running, spec, signal),
  );
  return vmAttributes(running.vm, running.runtime);
}

function stages(context: QemuContext, spec: VmSpec, call: CallContext, running: RunningMachine): Stage[] {
  const { effects } = context;
  const { runtime, access } = running;
  const name = spec.name;
  return [
    {
      name: "boot",
      phase: "waiting for the SSH banner",
      deadlineMs: stretched(runtime, spec.timeouts.bootMs),
      hint: `See how far it boots: vmlab logs ${name}. A slow host may need a longer timeouts.boot.`,
      wait: (signal, until) =>
        poll(context, until, 200, async () =>
          (await sshAnswers(effects, access.port, signal)) ? undefined : "No SSH server answered.",
        ),
    },
    {
      name: "login",
      phase: "waiting for a login",
      deadlineMs: stretched(runtime, spec.timeouts.loginMs),
      hint: `Does the image have cloud-init, and is "${spec.user}" a user that it may make? Look with: vmlab console ${name}`,
      wait: (signal, until) => poll(context, until, 500, () => tryLogin(context, access, signal, until)),
    },
    {
      name: "cloud-init",
      phase: "waiting for cloud-init",
      deadlineMs: stretched(runtime, spec.timeouts.cloudInitMs),
      hint: `Look inside: vmlab ssh ${name} -- cloud-init status --long`,
      wait: (signal, until) =>
        waitForCloudInit(effects, access, {
          signal,
          until,
          output: call.output,
          required: running.vm.cloudConfig === true,
        }),
    },
  ];
}

async function passStage(
  context: QemuContext,
  running: RunningMachine,
  stage: Stage,
  call: CallContext,
): Promise<void> {
  const { effects } = context;
  call.progress(stage.phase);
  const since = effects.clock.now();
  let missing: string | undefined;
  try {
    missing = await whileMachineRuns(effects, running, stage.phase, call.signal, (signal) =>
      stage.wait(signal, since + stage.deadlineMs),
    );
  } catch (error) {
    reportCloudInit(running.vm.name, error);
    throw error;
  }
  if (missing === undefined) return;
  const seconds = Math.round((effects.clock.now() - since) / 1000);
  fail({
    code: `qemu/not-ready-${stage.name}`,
    address: `vm.${running.vm.name}`,
    summary: `${running.vm.name} did not get ready: ${stage.phase} took longer than ${seconds} s`,
    detail: [missing, ...(await machineEvidence(effects, running.folder, running.runtime))].join("\n"),
    hint: stage.hint,
  });
}

/** Turns a failed cloud-init into a diagnostic; leaves every other error alone. */
function reportCloudInit(name: string, error: unknown): void {
  const report = cloudInitProblem(error);
  if (report === undefined) return;
  fail({
    code: "qemu/cloud-init-failed",
    address: `vm.${name}`,
    summary: `cloud-init failed in ${name}: ${report.summary}`,
    detail: report.detail,
    hint: `Look inside: vmlab ssh ${name} -- sudo tail -n 50 /var/log/cloud-init-output.log`,
  });
}

/** Tries until it passes or the time is over; resolves with the last answer. */
async function poll(
  context: QemuContext,
  until: number,
  everyMs: number,
  attempt: () => Promise<string | undefined>,
): Promise<string | undefined> {
  for (;;) {
    const missing = await attempt();
    if (missing === undefined) return undefined;
    if (context.effects.clock.now() >= until) return missing;
    await context.effects.clock.sleep(everyMs);
  }
}

async function tryLogin(
  context: QemuContext,
  access: SshAccess,
  signal: AbortSignal,
  until: number,
): Promise<string | undefined> {
  // At least some seconds: under load a login alone takes that long.
  const timeoutMs = Math.min(60_000, Math.max(10_000, until - context.effects.clock.now()));
  const { code, stderr } = await runInGuest(context.effects, access, {
    command: "exit 0",
    timeoutMs,
    signal,
    once: true,
  });
  // Refusals are tried again: sshd may be up before cloud-init has made the user and put the host key in place.
  return code === 0 ? undefined : `ssh said: ${stderr.trim() || "nothing"}`;
}
