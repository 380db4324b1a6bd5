import { systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { LockHolder } from "./types.ts";

/** Whether a lock's holder lives; undefined when it is on another host, where nothing can be proved. */
export async function isHolderAlive(
  effects: Pick<Effects, "processes" | "host">,
  holder: Pick<LockHolder, "host" | "bootId" | "pid" | "startTime">,
): Promise<boolean | undefined> {
  if (holder.host !== (await effects.host.hostId())) return undefined;
  if (holder.bootId !== (await effects.host.bootId())) return false;
  try {
    const found = await effects.processes.identify(holder.pid);
    // The pid alone proves nothing: the system gives it to others.
    return found !== undefined && found.startTime === holder.startTime;
  } catch (error) {
    // It runs, but the system hides it from this user.
    if (systemErrorCode(error) === "EPERM") return true;
    throw error;
  }
}
