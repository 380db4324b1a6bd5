/** Stops a VM: power button → QMP quit → SIGKILL. */
import { errorText, fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { CallContext } from "../provider.ts";
import { clearAbandonedWork } from "./abandoned-work.ts";
import type { QemuContext } from "./context.ts";
import { findMachine, isAlive, type MachineProcess, signalMachine } from "./machine-process.ts";
import { QmpConnection } from "./qmp.ts";
import { stretched } from "./ready.ts";
import {
  type Runtime,
  readRuntime,
  readVmRecord,
  unlessDamaged,
  type VmFolder,
  vmFolder,
  writeRecord,
} from "./vm-folder.ts";

/** A guest that is still booting does not hear its power button, so it is pressed again. */
const PRESS_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 100;
/** QEMU may have to flush its caches to a slow disk before it quits. */
const QUIT_MS = 10_000;
const KILL_MS = 10_000;

/** What is absent or stopped is no error. A machine whose records are damaged can be stopped as well. */
export async function stopVm(
  context: QemuContext,
  id: string,
  options: { readonly timeoutMs: number; readonly force?: boolean },
  call: CallContext,
): Promise<void> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  if ((await effects.files.stat(folder.root)) === undefined) return;
  const runtime = await unlessDamaged(readRuntime(effects, folder));
  const machine = await findMachine(effects, folder, runtime);
  if (machine === undefined) {
    await recordState(context, folder, runtime, "stopped");
    return;
  }
  // A guest that stands still cannot shut down; a QEMU that does not answer must be stopped all the same.
  await clearAbandonedWork(context, folder, QUIT_MS).catch(() => undefined);
  // Durable before the first blow: a machine that ends from here on ends on vmlab's wish.
  await recordState(context, folder, runtime, "stopping");
  const timeoutMs = runtime === undefined ? options.timeoutMs : stretched(runtime, options.timeoutMs);
  if (await climbDown(context, folder, machine, { ...options, timeoutMs }, call)) {
    await recordState(context, folder, runtime, "stopped");
    return;
  }
  const name = (await unlessDamaged(readVmRecord(effects, folder)))?.name ?? id;
  fail({
    code: "qemu/will-not-stop",
    address: `vm.${name}`,
    summary: `${name} does not stop, not even by SIGKILL`,
    detail: `Process ${machine.pid} is still there after ${KILL_MS / 1000} s; it may hang in the kernel, on a dead disk or network mount.`,
    hint: "Look at the process with ps; only a restart of the host may help.",
  });
}

/** True once the process is gone. An abort of the caller ends the wait for the guest, not the machine. */
async function climbDown(
  context: QemuContext,
  folder: VmFolder,
  machine: MachineProcess,
  options: { readonly timeoutMs: number; readonly force?: boolean },
  call: CallContext,
): Promise<boolean> {
  if (options.force !== true) {
    call.progress("shutting down");
    if (await pressUntilOff(context, folder, machine, options.timeoutMs, call.signal)) return true;
    call.output(`the guest did not shut down within ${Math.round(options.timeoutMs / 1000)} s`);
  }
  call.progress("telling QEMU to quit");
  await tell(context, folder, "quit");
  if (await gone(context, folder, machine, QUIT_MS)) return true;
  call.progress("killing QEMU");
  await signalMachine(context.effects, folder, machine, "SIGKILL");
  return await gone(context, folder, machine, KILL_MS);
}

async function pressUntilOff(
  context: QemuContext,
  folder: VmFolder,
  machine: MachineProcess,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = context.effects;
  const until = clock.now() + timeoutMs;
  while (clock.now() < until) {
    // A paused guest cannot hear anything.
    const refusal =
      (await tell(context, folder, "cont")) ?? (await tell(context, folder, "system_powerdown"));
    const wait = Math.min(PRESS_EVERY_MS, until - clock.now());
    if (await gone(context, folder, machine, wait, signal)) return true;
    if (refusal !== undefined && clock.now() + PRESS_EVERY_MS >= until) return false;
  }
  return false;
}

/** Runs one command; the answer's absence is told, not thrown: the next rung follows anyway. */
async function tell(context: QemuContext, folder: VmFolder, command: string): Promise<string | undefined> {
  try {
    const qmp = await QmpConnection.open(context.effects, folder.qmpSocket, { timeoutMs: 3_000 });
    try {
      await qmp.execute(command);
    } finally {
      qmp.close();
    }
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

async function gone(
  context: QemuContext,
  folder: VmFolder,
  machine: MachineProcess,
  withinMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { effects } = context;
  const until = effects.clock.now() + withinMs;
  for (;;) {
    if (!(await isAlive(effects, folder, machine))) return true;
    if (effects.clock.now() >= until) return false;
    await effects.clock.sleep(LOOK_EVERY_MS, signal);
  }
}

async function recordState(
  context: QemuContext,
  folder: VmFolder,
  runtime: Runtime | undefined,
  state: Runtime["state"],
): Promise<void> {
  if (runtime === undefined || runtime.state === state) return;
  try {
    await writeRecord(context.effects, folder.runtime, { ...runtime, state });
  } catch (error) {
    // A machine that was paused because the disk is full must be stoppable: QEMU's own log tells how it ended.
    if (!/^(ENOSPC|EDQUOT|EROFS)$/.test(systemErrorCode(error) ?? "")) throw error;
  }
}
