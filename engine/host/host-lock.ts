import { join } from "node:path";
import type { EventSink } from "../events.ts";
import type { Home } from "../home.ts";
import { acquireLock, type LockEffects } from "../state/lock.ts";

export interface HostLockOptions {
  /** The command line's verb, for whoever waits. */
  readonly command?: string;
  /** How long to wait; 60 s unless given. */
  readonly timeoutMs?: number;
  readonly events?: EventSink;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Runs `action` while holding a lock that all labs of this host share, such as `labs` or `image-KEY`. Fails with
 * `host/locked` when another holds it too long.
 */
export async function withHostLock<T>(
  effects: LockEffects,
  home: Home,
  name: string,
  action: () => Promise<T>,
  options: HostLockOptions = {},
): Promise<T> {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new Error(`not a name of a host lock: ${name}`);
  const folder = join(home.root, "locks");
  await effects.files.makeDir(folder);
  const { command = name, timeoutMs = DEFAULT_TIMEOUT_MS, ...rest } = options;
  const path = join(folder, `${name}.lock`);
  const lock = await acquireLock(effects, path, {
    ...rest,
    command,
    timeoutMs,
    what: `The host's lock "${name}"`,
    unlock: `rm ${path}`,
    code: "host/locked",
  });
  try {
    return await action();
  } finally {
    await lock.release();
  }
}
