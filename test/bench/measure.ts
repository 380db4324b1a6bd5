/** Runs programs and tells their wall time, CPU time and peak memory. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Measured {
  readonly wallMs: number;
  /** User and system time; only of Node programs. */
  readonly cpuMs: number;
  /** Peak resident memory in bytes; only of Node programs. */
  readonly peakBytes: number;
  readonly stdout: string;
}

/** Written beside a measured Node program: leaves what the kernel accounted to the process when it exits. */
const PRELOAD = `process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  require("node:fs").writeFileSync(process.env.BENCH_USAGE, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 }));
});`;

export function measureNode(
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Measured {
  const preload = join(folder, "usage.cjs");
  const usage = join(folder, "usage.json");
  writeFileSync(preload, PRELOAD);
  const { wallMs, stdout } = measure(folder, process.execPath, ["--require", preload, ...args], {
    ...env,
    BENCH_USAGE: usage,
  });
  const { cpuMs, peakBytes } = JSON.parse(readFileSync(usage, "utf8")) as {
    cpuMs: number;
    peakBytes: number;
  };
  return { wallMs, cpuMs, peakBytes, stdout };
}

export function measure(
  folder: string,
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly wallMs: number; readonly stdout: string } {
  const started = process.hrtime.bigint();
  const result = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    // Where a host sets it, every start of Node reads and parses that file: some 70 ms that are not vmlab's.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...env },
    maxBuffer: 1 << 28,
  });
  const wallMs = Number(process.hrtime.bigint() - started) / 1e6;
  if (result.status !== 0) {
    throw new Error(
      `${program} ${args.join(" ")} ended with ${result.status}: ${result.stderr}${result.stdout.slice(0, 2000)}`,
    );
  }
  return { wallMs, stdout: result.stdout };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function repeat<T>(times: number, run: () => T): T[] {
  return Array.from({ length: times }, run);
}

/** One line of the bench's report. */
export function report(line: string): void {
  process.stdout.write(`bench: ${line}\n`);
}
