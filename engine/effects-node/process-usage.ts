import { readFile } from "node:fs/promises";
import { systemErrorCode } from "../diagnostics.ts";
import type { ProcessUsage } from "../effects.ts";
import { isDead, parseProcStat, parsePsLine } from "./identify-process.ts";

/** See {@link Processes.usage}. */
export async function processUsage(pid: number): Promise<ProcessUsage | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === "linux" ? usageByProc(pid) : usageByPs(pid);
}

/** What Linux calls USER_HZ is 100 on every architecture that QEMU runs on; see time(7). */
const TICK_MS = 10;

async function usageByProc(pid: number): Promise<ProcessUsage | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
    ]);
    const found = parseProcStat(stat);
    const resident = parseResident(status);
    if (found === undefined || resident === undefined || isDead(found.state)) return undefined;
    return { startTime: found.startTime, cpuMs: found.cpuTicks * TICK_MS, resident };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ESRCH") throw error;
    return undefined;
  }
}

/** Bytes of VmRSS in /proc/PID/status; undefined for what has no memory of its own, as a zombie. */
function parseResident(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

async function usageByPs(pid: number): Promise<ProcessUsage | undefined> {
  const { execFile } = await import("node:child_process");
  const line = await new Promise<string>((resolve, reject) => {
    const columns = ["stat=", "lstart=", "rss=", "time="].flatMap((column) => ["-o", column]);
    execFile(
      "ps",
      ["-p", String(pid), ...columns],
      { env: { ...process.env, LC_ALL: "C" } },
      (error, stdout) => {
        // ps exits with 1 when there is no such process.
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve(stdout);
      },
    );
  });
  return parsePsUsage(line);
}

/** One line of `ps -o stat= -o lstart= -o rss= -o time=`: `S Sun Nov 22 21:20:57 2026 24576 1-02:03:04.56`. */
export function parsePsUsage(line: string): ProcessUsage | undefined {
  const found = parsePsLine(line);
  const [, kibibytes, time = ""] = /^(\d+)\s+(\S+)$/.exec(found?.command ?? "") ?? [];
  const [, days, hours, minutes, seconds] = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(time) ?? [];
  if (found === undefined || kibibytes === undefined || seconds === undefined || isDead(found.state))
    return undefined;
  const whole = (Number(days ?? 0) * 24 + Number(hours ?? 0)) * 60 + Number(minutes);
  return {
    startTime: found.startTime,
    cpuMs: Math.round((whole * 60 + Number(seconds)) * 1000),
    resident: Number(kibibytes) * 1024,
  };
}
