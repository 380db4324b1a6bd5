/**
 * The processes of a build. Packer, its plugins and QEMU outlive whoever is killed above them, so each carries a mark
 * in its environment by which it is found again.
 */
import type { Effects, ProcessIdentity } from "../../engine/effects.ts";

/** Environment variable with the id of the build. */
const MARK = "VMLAB_BUILD";

const GRACE_MS = 5_000;
const KILL_MS = 30_000;
const LOOK_EVERY_MS = 100;

export function buildMark(id: string): Record<string, string> {
  return { [MARK]: id };
}

export function buildProcesses(
  effects: Pick<Effects, "processes">,
  id: string,
): Promise<readonly ProcessIdentity[]> {
  return effects.processes.withEnvironment(MARK, id);
}

/** Ends what is left of a build: SIGTERM, and SIGKILL for what does not heed it. True when nothing is left. */
export async function endBuildProcesses(
  effects: Pick<Effects, "processes" | "clock">,
  id: string,
): Promise<boolean> {
  if (await allGone(effects, id, 0)) return true;
  await signalAll(effects, id, "SIGTERM");
  if (await allGone(effects, id, GRACE_MS)) return true;
  // Again and again: one that was about to start another may have done so meanwhile.
  const until = effects.clock.now() + KILL_MS;
  do {
    await signalAll(effects, id, "SIGKILL");
    if (await allGone(effects, id, LOOK_EVERY_MS)) return true;
  } while (effects.clock.now() < until);
  return false;
}

async function signalAll(
  effects: Pick<Effects, "processes">,
  id: string,
  signal: NodeJS.Signals,
): Promise<void> {
  for (const { pid } of await buildProcesses(effects, id)) await effects.processes.signal(pid, signal);
}

async function allGone(
  effects: Pick<Effects, "processes" | "clock">,
  id: string,
  withinMs: number,
): Promise<boolean> {
  const until = effects.clock.now() + withinMs;
  for (;;) {
    if ((await buildProcesses(effects, id)).length === 0) return true;
    if (effects.clock.now() >= until) return false;
    await effects.clock.sleep(LOOK_EVERY_MS);
  }
}
