import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { formatDuration } from "../../engine/units.ts";
import type { CallContext } from "../provider.ts";

/** Runs `use` with a signal that is also given when the time of a build is over. */
export async function withDeadline<Result>(
  effects: Pick<Effects, "clock">,
  timeoutMs: number,
  context: CallContext,
  address: string,
  use: (context: CallContext) => Promise<Result>,
): Promise<Result> {
  const over = new AbortController();
  const done = new AbortController();
  const waiting = effects.clock.sleep(timeoutMs, done.signal).then(
    () => over.abort(new Error("the time for the build is over")),
    () => undefined,
  );
  try {
    return await use({ ...context, signal: AbortSignal.any([context.signal, over.signal]) });
  } catch (error) {
    if (!over.signal.aborted || context.signal.aborted) throw error;
    return fail(
      {
        code: "image/build-timeout",
        summary: `${address} was not built within ${formatDuration(timeoutMs)}`,
        hint: "Raise its timeout, or see from the log what it waits for.",
        address,
      },
      error,
    );
  } finally {
    done.abort();
    await waiting;
  }
}
