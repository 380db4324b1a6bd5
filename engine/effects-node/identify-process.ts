import { readFile } from "node:fs/promises";
import { systemErrorCode } from "../diagnostics.ts";
import type { ProcessIdentity } from "../effects.ts";
import { signalProcess } from "./signal-process.ts";

/** Who runs under `pid`. Rejects with EPERM when somebody does whom the system hides from this user. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === "linux" ? identifyByProc(pid) : identifyByPs(pid);
}

/** State, CPU time (user and system, in clock ticks) and start time in a line of /proc/PID/stat; see proc_pid_stat(5). */
export function parseProcStat(
  text: string,
): { state: string; cpuTicks: number; startTime: string } | undefined {
  // Field 2, the name, stands in parentheses and may itself hold spaces and parentheses.
  const fields = text
    .slice(text.lastIndexOf(")") + 1)
    .trim()
    .split(" ");
  const [state] = fields;
  const startTime = fields[22 - 3];
  if (state === undefined || startTime === undefined) return undefined;
  return { state, cpuTicks: Number(fields[14 - 3]) + Number(fields[15 - 3]), startTime };
}

/** One line of `ps -o stat= -o lstart= -o command=`: the start time is five words, such as `Sun Nov 22 21:20:57 2026`. */
export function parsePsLine(line: string): { state: string; startTime: string; command: string } | undefined {
  const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*?)\s*$/s.exec(line);
  const [, state, startTime, command] = match ?? [];
  if (state === undefined || startTime === undefined || command === undefined) return undefined;
  return { state, startTime: startTime.replace(/\s+/g, " "), command };
}

async function identifyByProc(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const found = parseProcStat(await readFile(`/proc/${pid}/stat`, "utf8"));
    if (found === undefined || isDead(found.state)) return undefined;
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    // Each argument ends with a NUL.
    if (commandLine.at(-1) === "") commandLine.pop();
    return { pid, startTime: found.startTime, commandLine };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ESRCH") throw error;
    // With hidepid, /proc does not show other users' processes: then this rejects with EPERM.
    signalProcess(pid, 0);
    return undefined;
  }
}

async function identifyByPs(pid: number): Promise<ProcessIdentity | undefined> {
  const { execFile } = await import("node:child_process");
  const line = await new Promise<string>((resolve, reject) => {
    const args = ["-p", String(pid), "-o", "stat=", "-o", "lstart=", "-o", "command="];
    execFile("ps", args, { env: { ...process.env, LC_ALL: "C" } }, (error, stdout) => {
      // ps exits with 1 when there is no such process.
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve(stdout);
    });
  });
  const found = parsePsLine(line);
  if (found === undefined || isDead(found.state)) return undefined;
  return { pid, startTime: found.startTime, commandLine: found.command.split(" ") };
}

/** Z: zombie; X, x: being reaped. */
export function isDead(state: string): boolean {
  return /^[ZXx]/.test(state);
}
