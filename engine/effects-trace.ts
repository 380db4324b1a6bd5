/** The processes port with every program that is started told of: how it was called, how long it took, how it ended. */
import type { Clock, Processes } from "./effects.ts";

export interface ProgramTrace {
  /** The program and its arguments, without what may be secret. */
  readonly argv: readonly string[];
  readonly durationMs: number;
  /** `exit 0`, `SIGKILL`, `timed out`, `ENOENT`, or `started` for what goes on without vmlab. */
  readonly outcome: string;
}

export function tracedProcesses(
  processes: Processes,
  clock: Pick<Clock, "now">,
  told: (trace: ProgramTrace) => void,
): Processes {
  const watched = (program: string, args: readonly string[]) => {
    const argv = shownArguments(program, args);
    const started = clock.now();
    return (outcome: string): void => told({ argv, durationMs: clock.now() - started, outcome });
  };
  const thrown = (error: unknown): string => {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === "string" ? code : typeof name === "string" ? name : "failed";
  };
  return {
    self: processes.self,
    signal: (pid, signal) => processes.signal(pid, signal),
    identify: (pid) => processes.identify(pid),
    withEnvironment: (name, value) => processes.withEnvironment(name, value),
    which: (program) => processes.which(program),
    usage: (pid) => processes.usage(pid),
    async run(program, args, options) {
      const ended = watched(program, args);
      try {
        const result = await processes.run(program, args, options);
        ended(
          result.timedOut
            ? "timed out"
            : result.code === null
              ? (result.signal ?? "signal")
              : `exit ${result.code}`,
        );
        return result;
      } catch (error) {
        ended(thrown(error));
        throw error;
      }
    },
    async open(program, args, options) {
      const ended = watched(program, args);
      try {
        const opened = await processes.open(program, args, options);
        opened.ended.then(
          (code) => ended(`exit ${code}`),
          (error: unknown) => ended(thrown(error)),
        );
        return opened;
      } catch (error) {
        ended(thrown(error));
        throw error;
      }
    },
    async interactive(program, args, options) {
      const ended = watched(program, args);
      try {
        const code = await processes.interactive(program, args, options);
        ended(`exit ${code}`);
        return code;
      } catch (error) {
        ended(thrown(error));
        throw error;
      }
    },
    async startDetached(program, args, options) {
      const ended = watched(program, args);
      try {
        const pid = await processes.startDetached(program, args, options);
        ended("started");
        return pid;
      } catch (error) {
        ended(thrown(error));
        throw error;
      }
    },
  };
}

/** vmlab gives programs no secrets as arguments. A user may: the command for a guest, behind ssh's `--`. */
function shownArguments(program: string, args: readonly string[]): string[] {
  const dashes = program === "ssh" || program.endsWith("/ssh") ? args.indexOf("--") : -1;
  return dashes < 0 ? [program, ...args] : [program, ...args.slice(0, dashes + 1), "…"];
}
