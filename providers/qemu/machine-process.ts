/**
 * The QEMU process of a VM. Its identity is pid, start time and the machine's UUID on its command line; a pid alone
 * is never believed, and never signalled.
 */

import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import { type Runtime, uuidOf, type VmFolder } from "./vm-folder.ts";

export interface MachineProcess {
  readonly pid: number;
  readonly startTime: string;
}

/** The VM's process, or undefined when it does not run. */
export async function findMachine(
  effects: Effects,
  folder: VmFolder,
  runtime: Runtime | undefined,
): Promise<MachineProcess | undefined> {
  if (runtime?.pid !== undefined) {
    // Another boot's pid and start time say nothing about this one's.
    if (runtime.bootId === (await effects.host.bootId())) {
      const found = await identify(effects, folder, runtime.pid);
      if (found !== undefined && found.startTime === runtime.startTime) return found;
    }
  }
  // vmlab died between QEMU's start and its own record of it.
  const pid = await pidInFile(effects, folder);
  if (pid === undefined || pid === runtime?.pid) return undefined;
  return await identify(effects, folder, pid);
}

/** True while this very process lives. */
export async function isAlive(effects: Effects, folder: VmFolder, machine: MachineProcess): Promise<boolean> {
  return (await identify(effects, folder, machine.pid))?.startTime === machine.startTime;
}

/** Sends a signal to this very process; false when it is gone. */
export async function signalMachine(
  effects: Effects,
  folder: VmFolder,
  machine: MachineProcess,
  signal: NodeJS.Signals,
): Promise<boolean> {
  return (await isAlive(effects, folder, machine)) && (await effects.processes.signal(machine.pid, signal));
}

async function identify(
  effects: Effects,
  folder: VmFolder,
  pid: number,
): Promise<MachineProcess | undefined> {
  let process: Awaited<ReturnType<Effects["processes"]["identify"]>>;
  try {
    process = await effects.processes.identify(pid);
  } catch (error) {
    // Hidden from this user: then it is not ours.
    if (systemErrorCode(error) === "EPERM") return undefined;
    throw error;
  }
  if (process === undefined || !process.commandLine.includes(uuidOf(folder.id))) return undefined;
  return { pid, startTime: process.startTime };
}

async function pidInFile(effects: Effects, folder: VmFolder): Promise<number | undefined> {
  const text = await readTextIfThere(effects.files, folder.pidFile);
  const pid = Number(text?.trim());
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
}
