/**
 * What QEMU's own log of one start tells. No daemon watches the machines, so how one ended must be told afterwards:
 * QEMU traces shutdown requests and changes of the run state into qemu.log (see TRACED), beside its error messages.
 */
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import type { VmFolder } from "./vm-folder.ts";

export interface MachineLog {
  /** Why QEMU ended, as far as it said; undefined when it said nothing: killed, crashed, or still running. */
  readonly end?: "guest-shutdown" | "quit" | "signal" | "other";
  /** QEMU's name of the last run state change to "not running"; undefined while it runs. */
  readonly paused?: string;
  /** What QEMU itself had to say, trace lines left out. */
  readonly messages: readonly string[];
}

/** More than enough for the end of a log that has a line per state change. */
const TAIL_BYTES = 32_768;

/** Reads the log of the last start. */
export async function readMachineLog(effects: Effects, folder: VmFolder): Promise<MachineLog> {
  try {
    const stat = await effects.files.stat(folder.qemuLog);
    if (stat === undefined) return { messages: [] };
    const from = Math.max(0, stat.size - TAIL_BYTES);
    return parseMachineLog((await effects.files.readPart(folder.qemuLog, from, TAIL_BYTES)).toString("utf8"));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { messages: [] };
    throw error;
  }
}

/** Whether the guest of the last start ever ran an instruction. */
export async function everRan(effects: Pick<Effects, "files">, folder: VmFolder): Promise<boolean> {
  return /vm_state_notify running 1 /.test((await readTextIfThere(effects.files, folder.qemuLog)) ?? "");
}

/**
 * Reads `qemu_system_shutdown_request reason=6` (numbers: ShutdownCause in QEMU's qapi/run-state.json) and
 * `vm_state_notify running 0 reason 4 (io-error)`.
 */
export function parseMachineLog(text: string): MachineLog {
  let end: MachineLog["end"];
  let paused: string | undefined;
  const messages: string[] = [];
  for (const line of text.split("\n")) {
    const shutdown = /qemu_system_shutdown_request reason=(\d+)/.exec(line);
    const state = /vm_state_notify running (\d) reason \d+ \(([a-z-]+)\)/.exec(line);
    if (shutdown !== null) end = cause(Number(shutdown[1]));
    else if (state !== null) paused = state[1] === "1" ? undefined : state[2];
    else if (/terminating on signal/.test(line)) {
      end = "signal";
      messages.push(line);
    } else if (line.trim() !== "") messages.push(line);
  }
  return {
    ...(end === undefined ? {} : { end }),
    ...(paused === undefined || end !== undefined ? {} : { paused }),
    messages,
  };
}

function cause(reason: number): MachineLog["end"] {
  switch (reason) {
    case 2:
      return "quit";
    case 4:
      return "signal";
    case 6:
      return "guest-shutdown";
    default:
      return "other";
  }
}
