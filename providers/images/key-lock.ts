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

/** Runs `use` while holding the host's lock called `image-NAME` (letters, digits, hyphens). */
export function withKeyLock<Result>(
  effects: Effects,
  home: Home,
  name: string,
  context: Pick<CallContext, "signal" | "progress">,
  use: () => Promise<Result>,
): Promise<Result> {
  return withHostLock(effects, home, `image-${name}`, use, {
    command: "image",
    timeoutMs: WAIT_MS,
    signal: context.signal,
    events: (event) => {
      if (event.type === "lock-waiting") context.progress(`waiting for ${event.holder}`);
    },
  });
}
