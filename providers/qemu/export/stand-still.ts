/** Makes the file systems of a running guest stand still for a moment, at which its disk is whole. */
import { errorText, fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { QemuContext } from "../context.ts";
import { runInGuest } from "../guest-shell.ts";
import type { RunningMachine } from "../ready.ts";
import { letGo, removeNote, writeNote } from "./copy-note.ts";
import type { DiskWork } from "./disk-tools.ts";
import { GuestAgent, GuestAgentError } from "./guest-agent.ts";

/** Everything dirty in a big guest's memory may have to be written, and then once more what came meanwhile. */
const SYNC_MS = 120_000;
const FREEZE_MS = 60_000;
const THAW_TRIES = 5;
const STILL_FROZEN = "image/export-still-frozen";

/** What is written before the guest stands still need not be written while it does. False when it did not do it. */
export async function syncGuest(
  context: QemuContext,
  { call }: DiskWork,
  running: RunningMachine,
): Promise<boolean> {
  call.progress("asking the guest to write everything to its disk");
  const { code } = await runInGuest(context.effects, running.access, {
    command: "sync",
    timeoutMs: SYNC_MS,
    signal: call.signal,
  });
  return code === 0;
}

/** Runs `action` with a note beside the machine that it may stand still: durable before the guest is asked. */
export async function withCopyNote<T>(
  effects: Effects,
  { folder, vm }: RunningMachine,
  action: () => Promise<T>,
): Promise<T> {
  if (!(await letGo(effects, folder))) stillFrozen(vm.name, "It did not answer an earlier request to do so.");
  await writeNote(effects, folder);
  let frozen = false;
  try {
    return await action();
  } catch (error) {
    frozen = isDiagnosticsError(error) && error.diagnostics.some(({ code }) => code === STILL_FROZEN);
    throw error;
  } finally {
    // Where the guest was not let go, whoever works with the VM next tries again.
    if (!frozen) await removeNote(effects, folder);
  }
}

/**
 * Within {@link withCopyNote}. Throws GuestAgentError, before the action, where the guest cannot be made to stand still.
 * No interrupt gets in between: a guest that stands still is let go first.
 */
export async function whileItStandsStill<T>(
  work: DiskWork,
  running: RunningMachine,
  action: () => Promise<T>,
): Promise<T> {
  const { effects, call } = work;
  call.progress("freezing the file systems");
  const agent = await GuestAgent.open(effects, running.folder.agentSocket);
  try {
    await writeNote(effects, running.folder, true);
    const still = await agent.freeze(FREEZE_MS).catch((error: unknown) => notFrozen(running, agent, error));
    const since = effects.clock.now();
    if (still === 0) throw new GuestAgentError("it found no file system to freeze");
    let result: T;
    try {
      result = await action();
    } finally {
      await thaw(running, agent);
    }
    call.output(`its file systems stood still for ${effects.clock.now() - since} ms`);
    return result;
  } finally {
    agent.close();
  }
}

/** A freeze that was not answered in time may have happened all the same, or be about to. */
async function notFrozen(running: RunningMachine, agent: GuestAgent, error: unknown): Promise<never> {
  if (error instanceof GuestAgentError && error.silent) await thaw(running, agent);
  else await agent.thaw().catch(() => undefined);
  throw error;
}

/** A guest that stays frozen would be far worse than an export that fails. */
async function thaw({ vm }: RunningMachine, agent: GuestAgent): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; attempt < THAW_TRIES; attempt++) {
    try {
      await agent.thaw();
      return;
    } catch (error) {
      failure = error;
    }
  }
  stillFrozen(vm.name, errorText(failure), failure);
}

function stillFrozen(name: string, detail: string, cause?: unknown): never {
  return fail(
    {
      code: STILL_FROZEN,
      address: `vm.${name}`,
      summary: `the file systems of ${name} stand still, and its guest agent does not let them go on`,
      detail,
      hint:
        `Whatever writes in the guest waits. \`vmlab exec ${name} -- true\` tries once more to let it go; ` +
        `\`vmlab restart ${name} --force\` ends it, with what was on its disk.`,
    },
    cause,
  );
}
