import { spawn } from "node:child_process";
import { access, constants, open, stat } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import type { Processes } from "../effects.ts";
import { childEnvironment } from "./child-environment.ts";
import { processesWithEnvironment } from "./find-by-environment.ts";
import { identifyProcess } from "./identify-process.ts";
import { openProcess } from "./open-process.ts";
import { processUsage } from "./process-usage.ts";
import { runProcess } from "./run-process.ts";
import { signalProcess } from "./signal-process.ts";

export const nodeProcesses: Processes = {
  run: runProcess,
  open: openProcess,
  interactive,
  startDetached,
  signal: async (pid, signal) => signalProcess(pid, signal),
  identify: identifyProcess,
  usage: processUsage,
  withEnvironment: processesWithEnvironment,
  self: process.pid,
  which,
};

async function interactive(
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<number> {
  // Ctrl-C belongs to the program in front: the default would end vmlab under it.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(program, args, { stdio: "inherit", env: childEnvironment(options.env) });
      child.once("error", reject);
      // As a shell reports it: 128 + the number of the signal.
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? osConstants.signals[signal] : 0)));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}

async function startDetached(
  program: string,
  args: readonly string[],
  options: { logFile: string; env?: Record<string, string> },
): Promise<number> {
  const log = await open(options.logFile, "a", 0o600);
  try {
    return await new Promise<number>((resolve, reject) => {
      // `detached` is setsid: no terminal and no Ctrl-C of ours reaches it.
      const child = spawn(program, args, {
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: childEnvironment(options.env),
      });
      child.once("error", reject);
      child.once("spawn", () => {
        child.unref();
        if (child.pid === undefined) reject(new Error(`${program} started without a pid`));
        else resolve(child.pid);
      });
    });
  } finally {
    await log.close();
  }
}

async function which(program: string): Promise<string | undefined> {
  if (program.includes("/")) return (await isExecutable(program)) ? program : undefined;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, program);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
