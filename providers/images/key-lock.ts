/**
 * Lets two processes that want the same thing make it once. This saves work; it is not what keeps the store whole:
 * an image enters the store in one rename, whoever brings it.
 */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { withHostLock } from "../../engine/host/host-lock.ts";
import type { CallContext } from "../provider.ts";

/** A build may take hours: whoever waits gives up only when interrupted. */
const WAIT_MS = 7 * 24 * 60 * 60 * 1000;

/** Whoever waits says so again now and then: silence would look like a stall. */
const REMIND_MS = 60_000;

/** Runs `use` while holding the host's lock called `image-NAME` (letters, digits, hyphens). */
export async function withKeyLock<Result>(
  effects: Effects,
  home: Home,
  name: string,
  context: Pick<CallContext, "signal" | "progress">,
  use: () => Promise<Result>,
): Promise<Result> {
  const waited = new AbortController();
  const over = AbortSignal.any([waited.signal, context.signal]);
  const remind = async (phase: string): Promise<void> => {
    while (!over.aborted) {
      context.progress(phase);
      await effects.clock.sleep(REMIND_MS, over).catch(() => undefined);
    }
  };
  try {
    return await withHostLock(
      effects,
      home,
      `image-${name}`,
      () => {
        waited.abort();
        return use();
      },
      {
        command: "image",
        timeoutMs: WAIT_MS,
        signal: context.signal,
        events: (event) => {
          if (event.type === "lock-waiting") void remind(`waiting for ${event.holder}`);
        },
      },
    );
  } finally {
    waited.abort();
  }
}
