/** Ctrl-C: the first asks to finish what runs, the second stops at once, the third leaves without a word. */
import type { Terminal } from "./terminal.ts";

export interface Interrupts {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly graceful: AbortSignal;
  /** Aborted by the second. */
  readonly hard: AbortSignal;
  /** Gives the signals back. */
  release(): void;
}

/** `say` prints a line to the user. With `hangUp: "ignore"` it goes on when the terminal closes. */
export function listenForInterrupts(
  terminal: Terminal,
  say: (line: string) => void,
  options: { readonly hangUp?: "ignore" } = {},
): Interrupts {
  const graceful = new AbortController();
  const hard = new AbortController();
  let count = 0;
  const release = terminal.onSignal((signal) => {
    if (signal === "SIGHUP" && options.hangUp === "ignore") return;
    count += 1;
    if (count === 1) {
      say(
        signal === "SIGINT"
          ? "Stopping: what runs is finished or rolled back. Ctrl-C again stops at once."
          : `Stopping (${signal}): what runs is finished or rolled back.`,
      );
      graceful.abort(interruption());
    } else if (count === 2) {
      say("Stopping at once. The next command finishes or undoes what was under way.");
      hard.abort(interruption());
    } else terminal.abandon(130);
  });
  return { graceful: graceful.signal, hard: hard.signal, release };
}

function interruption(): Error {
  const error = new Error("interrupted");
  error.name = "AbortError";
  return error;
}
