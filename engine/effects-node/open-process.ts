import { constants as osConstants } from "node:os";
import type { OpenOptions, OpenProcess } from "../effects.ts";
import { childEnvironment } from "./child-environment.ts";
import { trackGroup, untrackGroup } from "./process-groups.ts";
import { signalProcess } from "./signal-process.ts";

/** How long a program may take to end itself after SIGTERM. */
const GRACE_MS = 5000;

/** Starts a program with its streams open; see {@link Processes.open}. */
export async function openProcess(
  program: string,
  args: readonly string[],
  options: OpenOptions = {},
): Promise<OpenProcess> {
  const { signal, onStderr } = options;
  signal?.throwIfAborted();
  const { spawn } = await import("node:child_process");
  const child = spawn(program, args, {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: childEnvironment(),
  });
  const { pid } = child;
  let killTimer: NodeJS.Timeout | undefined;
  let isOver = false;
  const stop = (): void => {
    if (pid === undefined || isOver || killTimer !== undefined) return;
    signalProcess(-pid, "SIGTERM");
    // What nobody reads would keep its end from being seen.
    child.stdout.resume();
    killTimer = setTimeout(() => {
      signalProcess(-pid, "SIGKILL");
      // A grandchild outside our reach may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  // A program that ended, or closed its input, takes no more: its exit code tells why.
  child.stdin.on("error", () => undefined);
  child.stderr.on("data", (data: Buffer) => onStderr?.(data));

  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    // As a shell reports it: 128 + the number of the signal.
    child.once("close", (code, by) => resolve(code ?? 128 + (by === null ? 0 : osConstants.signals[by])));
  }).finally(() => {
    isOver = true;
    clearTimeout(killTimer);
    signal?.removeEventListener("abort", stop);
    if (pid !== undefined) untrackGroup(pid);
  });
  // Whoever waits gets it; an end that comes before anybody waits is no unhandled rejection.
  ended.catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", resolve);
  });
  if (pid !== undefined) trackGroup(pid);

  return {
    stdout: child.stdout,
    async write(data) {
      if (!child.stdin.writable) return false;
      if (child.stdin.write(data)) return true;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          child.stdin.off("drain", go);
          child.stdin.off("close", go);
          resolve();
        };
        child.stdin.once("drain", go);
        child.stdin.once("close", go);
      });
      return child.stdin.writable;
    },
    closeInput: () => void child.stdin.end(),
    stop,
    ended,
  };
}
