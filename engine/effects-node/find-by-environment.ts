import { readdir, readFile } from "node:fs/promises";
import type { ProcessIdentity } from "../effects.ts";
import { identifyProcess } from "./identify-process.ts";

/** See {@link Processes.withEnvironment}. */
export async function processesWithEnvironment(name: string, value: string): Promise<ProcessIdentity[]> {
  const pids = process.platform === "linux" ? await pidsByProc(name, value) : await pidsByPs(name, value);
  const found: ProcessIdentity[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const identity = await identifyProcess(pid).catch(() => undefined);
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

/** /proc/PID/environ holds what the process was started with, each variable ended by a NUL; see proc_pid_environ(5). */
async function pidsByProc(name: string, value: string): Promise<number[]> {
  const wanted = Buffer.from(`\0${name}=${value}\0`);
  const pids: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      const environment = await readFile(`/proc/${entry}/environ`);
      if (Buffer.concat([Buffer.of(0), environment]).includes(wanted)) pids.push(Number(entry));
    } catch {
      // It has ended, or belongs to somebody else.
    }
  }
  return pids;
}

/** ps shows the environment behind the command line, separated by spaces. */
async function pidsByPs(name: string, value: string): Promise<number[]> {
  const { execFile } = await import("node:child_process");
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      "ps",
      ["-E", "-x", "-ww", "-o", "pid=", "-o", "command="],
      { maxBuffer: 64 * 1024 * 1024 },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    );
  });
  return pidsInPsLines(text, name, value);
}

/** Lines of `ps -E -o pid= -o command=` whose environment has the variable. */
export function pidsInPsLines(text: string, name: string, value: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, rest] = /^\s*(\d+)\s(.*)$/.exec(line) ?? [];
    return pid !== undefined && `${rest} `.includes(` ${name}=${value} `) ? [Number(pid)] : [];
  });
}
