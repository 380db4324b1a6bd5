/** Ends a build whose host has no space left: its guest would hang on a file system that went read-only. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext } from "../provider.ts";

const LOOK_MS = 5_000;
/** Others may be about to free some: only what stays full is full. */
const LOOKS = 3;
const FULL_BYTES = 2 ** 20;

/** Runs `use` with a signal that is also given when the disk of VMLAB_HOME is and stays full. */
export async function whileThereIsSpace<Result>(
  effects: Pick<Effects, "clock" | "host">,
  home: Home,
  context: CallContext,
  address: string,
  use: (context: CallContext) => Promise<Result>,
): Promise<Result> {
  const full = new AbortController();
  const done = new AbortController();
  const watching = (async () => {
    for (let seen = 0; seen < LOOKS; ) {
      await effects.clock.sleep(LOOK_MS, done.signal);
      const { free } = await effects.host.disk(home.root);
      seen = free < FULL_BYTES ? seen + 1 : 0;
    }
    full.abort(new Error("the host's disk is full"));
  })().catch(() => undefined);
  try {
    return await use({ ...context, signal: AbortSignal.any([context.signal, full.signal]) });
  } catch (error) {
    if (!full.signal.aborted || context.signal.aborted) throw error;
    return fail(
      {
        code: "image/no-space",
        summary: `${address}: the host's disk became full`,
        detail: `No space is left on the file system of ${home.root}.`,
        hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`, and apply again.",
        address,
      },
      error,
    );
  } finally {
    done.abort();
    await watching;
  }
}
