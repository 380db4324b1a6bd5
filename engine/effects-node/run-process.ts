import type { RunOptions, RunResult } from "../effects.ts";
import { childEnvironment } from "./child-environment.ts";
import { trackGroup, untrackGroup } from "./process-groups.ts";
import { signalProcess } from "./signal-process.ts";
import { lineSplitter } from "./split-lines.ts";

/** How long a program may take to end itself after SIGTERM. */
const GRACE_MS = 5000;
/** How long its last output may take to arrive after its end. */
const LINGER_MS = 1000;

/** Runs a program to its end; see {@link Processes.run}. */
export async function runProcess(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { signal, ownGroup = false } = options;
  signal?.throwIfAborted();
  const { execa } = await import("execa");
  signal?.throwIfAborted();

  const subprocess = execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    detached: ownGroup,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    extendEnv: false,
    env: childEnvironment(options.env),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  const { pid } = subprocess;
  if (ownGroup && pid !== undefined) trackGroup(pid);

  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (how: NodeJS.Signals): void => {
    if (pid !== undefined) signalProcess(ownGroup ? -pid : pid, how);
  };
  const closeOutput = (): void => {
    subprocess.stdout?.destroy();
    subprocess.stderr?.destroy();
  };
  const stop = (): void => {
    if (killTimer !== undefined) return;
    end("SIGTERM");
    killTimer = setTimeout(() => {
      end("SIGKILL");
      // A grandchild outside our reach may hold the pipes open for ever.
      closeOutput();
    }, GRACE_MS);
  };
  const deadline =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop();
        }, options.timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  let lingerTimer: NodeJS.Timeout | undefined;
  if (ownGroup)
    subprocess.once("exit", (_, endedBy) => {
      // Killed by somebody else: the rest of its group would go on.
      if (endedBy !== null) stop();
      // What it left running may hold its output open for as long as it runs.
      else lingerTimer = setTimeout(closeOutput, LINGER_MS);
    });

  const { onLine } = options;
  const splitters = (["stdout", "stderr"] as const).map((name) => {
    const splitter = lineSplitter((line) => onLine?.(line, name));
    if (onLine !== undefined) subprocess[name]?.on("data", (data: Buffer) => splitter.push(data));
    return splitter;
  });

  try {
    const result = await subprocess;
    for (const splitter of splitters) splitter.end();
    if (signal?.aborted) throw signal.reason;
    // Neither an exit code nor a signal: it never ran. The cause is Node's system error.
    if (result.exitCode === undefined && result.signal === undefined && !timedOut)
      throw result.cause ?? result;
    return {
      code: timedOut ? null : (result.exitCode ?? null),
      stdout: result.stdout ?? "",
      stderr: result.stderr ?? "",
      timedOut,
      ...(result.signal === undefined ? {} : { signal: result.signal }),
    };
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener("abort", stop);
    // Members of the group that ignored SIGTERM must not outlive the run that was ended.
    if (killTimer !== undefined && ownGroup) end("SIGKILL");
    clearTimeout(killTimer);
    clearTimeout(lingerTimer);
    if (pid !== undefined) untrackGroup(pid);
  }
}
