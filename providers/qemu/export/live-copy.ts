/**
 * Copies the disk of a running machine as it is at one moment. The guest agent makes the file systems stand still, QEMU
 * begins a backup of the disk, and they go on at once: from then on QEMU saves each cluster before the guest's first
 * write to it. The machine's own layers are not touched: there is nothing to take back when something goes wrong.
 */
import { errorText, fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { DISK_NODE } from "../command-line.ts";
import type { QemuContext } from "../context.ts";
import { runInGuest } from "../guest-shell.ts";
import { isAlive } from "../machine-process.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import type { RunningMachine } from "../ready.ts";
import { COPY_FILE_NODE, COPY_JOB, COPY_NODE, copyJob, endCopy, removeNote, writeNote } from "./copy-note.ts";
import { type DiskWork, isFullDisk, noSpace, qemuImg, qemuImgJson } from "./disk-tools.ts";
import { GuestAgent, GuestAgentError } from "./guest-agent.ts";

/** Everything dirty in a big guest's memory may have to be written, and then once more what came meanwhile. */
const SYNC_MS = 120_000;
const FREEZE_MS = 60_000;
const THAW_TRIES = 5;
const QMP_MS = 20_000;
const LOOK_EVERY_MS = 250;
const STILL_FROZEN = "image/export-still-frozen";

/** Copies the machine's disk to `target`, a new qcow2 that stands alone. `active` is its active layer. */
export async function copyLive(
  context: QemuContext,
  work: DiskWork,
  running: RunningMachine,
  copy: { readonly active: string; readonly target: string; readonly freeze: boolean },
): Promise<void> {
  const { effects, call } = work;
  const size = (await qemuImgJson(work, "info", copy.active))["virtual-size"];
  await qemuImg(work, "preparing the copy", [...["create", "-q", "-f", "qcow2", copy.target, String(size)]]);
  // What is written before the guest stands still need not be written while it does.
  if (copy.freeze) await syncGuest(context, work, running);
  // Durable before the guest is asked: a crash from here on must find out that it may have to be let go.
  await writeNote(effects, running.folder);
  let stillFrozen = false;
  try {
    await monitor(effects, running, (qmp) => begin(work, running, qmp, copy));
    await waitForCopy(work, running);
  } catch (error) {
    stillFrozen = isDiagnosticsError(error) && error.diagnostics.some(({ code }) => code === STILL_FROZEN);
    call.signal.throwIfAborted();
    if (!(await isAlive(effects, running.folder, running.machine))) machineGone(work, running);
    throw error;
  } finally {
    // A machine that is gone has taken the copy with it.
    if (await isAlive(effects, running.folder, running.machine))
      await monitor(effects, running, (qmp) => endCopy(effects, qmp));
    // Where the guest was not let go, whoever works with the VM next tries again.
    if (!stillFrozen) await removeNote(effects, running.folder);
  }
}

function monitor<T>(
  effects: Effects,
  running: RunningMachine,
  use: (qmp: QmpConnection) => Promise<T>,
): Promise<T> {
  return withQmp(effects, running.folder.qmpSocket, { timeoutMs: QMP_MS }, use);
}

async function syncGuest(context: QemuContext, { call }: DiskWork, running: RunningMachine): Promise<void> {
  call.progress("asking the guest to write everything to its disk");
  await runInGuest(context.effects, running.access, {
    command: "sync",
    timeoutMs: SYNC_MS,
    signal: call.signal,
  });
}

/** The moment that is copied. No interrupt gets in between: a guest that stands still is let go first. */
async function begin(
  work: DiskWork,
  running: RunningMachine,
  qmp: QmpConnection,
  { target, freeze }: { readonly target: string; readonly freeze: boolean },
): Promise<void> {
  const { effects, call } = work;
  const file = { driver: "file", filename: target };
  await qmp.execute("blockdev-add", { "node-name": COPY_FILE_NODE, ...file });
  await qmp.execute("blockdev-add", { driver: "qcow2", "node-name": COPY_NODE, file: COPY_FILE_NODE });
  const backup = (): Promise<unknown> =>
    qmp.execute("blockdev-backup", {
      ...{ "job-id": COPY_JOB, device: DISK_NODE, target: COPY_NODE, sync: "full" },
      // Its end is waited for by looking: a job that went away by itself would take its error with it.
      "auto-dismiss": false,
    });
  if (!freeze) {
    await backup();
    return;
  }
  call.progress("freezing the file systems");
  const agent = await GuestAgent.open(effects, running.folder.agentSocket).catch((error: unknown) =>
    noAgent(work, running, error),
  );
  try {
    await writeNote(effects, running.folder, true);
    const still = await agent
      .freeze(FREEZE_MS)
      .catch((error: unknown) => notFrozen(work, running, agent, error));
    const since = effects.clock.now();
    if (still === 0) noAgent(work, running, new GuestAgentError("it found no file system to freeze"));
    try {
      await backup();
    } finally {
      await thaw(work, running, agent);
    }
    call.output(`its file systems stood still for ${effects.clock.now() - since} ms`);
  } finally {
    agent.close();
  }
}

/** A freeze that was not answered in time may have happened all the same, or be about to. */
async function notFrozen(
  work: DiskWork,
  running: RunningMachine,
  agent: GuestAgent,
  error: unknown,
): Promise<never> {
  if (error instanceof GuestAgentError && error.silent) await thaw(work, running, agent);
  else await agent.thaw().catch(() => undefined);
  return noAgent(work, running, error);
}

/** A guest that stays frozen would be far worse than an export that fails. */
async function thaw(work: DiskWork, { vm }: RunningMachine, agent: GuestAgent): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; attempt < THAW_TRIES; attempt++) {
    try {
      await agent.thaw();
      return;
    } catch (error) {
      failure = error;
    }
  }
  fail(
    {
      code: STILL_FROZEN,
      address: work.address,
      summary: `the file systems of ${vm.name} stand still, and its guest agent does not let them go on`,
      detail: errorText(failure),
      hint:
        `Whatever writes in the guest waits. \`vmlab exec ${vm.name} -- true\` tries once more to let it go; ` +
        `\`vmlab restart ${vm.name} --force\` ends it, with what was on its disk.`,
    },
    failure,
  );
}

function noAgent(work: DiskWork, { vm }: RunningMachine, error: unknown): never {
  if (!(error instanceof GuestAgentError)) throw error;
  return fail(
    {
      code: "image/export-no-agent",
      address: work.address,
      summary: `the file systems of ${vm.name} cannot be frozen for the copy: ${error.message}`,
      detail: "A copy of a disk that is being written to is like the disk after a power cut.",
      hint:
        `Install and start qemu-guest-agent in the guest, or stop the VM first (\`vmlab stop ${vm.name}\`). ` +
        "Or take the disk as it is: --crash-consistent.",
    },
    error,
  );
}

async function waitForCopy(work: DiskWork, running: RunningMachine): Promise<void> {
  const { effects, call } = work;
  for (;;) {
    // A connection for each look: the monitor serves one at a time, and others may want it.
    const job = await monitor(effects, running, copyJob);
    if (job === undefined) return;
    const { done, total } = job;
    call.progress("copying the disk", { unit: "bytes", done, total });
    if (job.status === "concluded") {
      if (job.error === undefined) return;
      if (isFullDisk(job.error)) noSpace(work);
      fail({
        code: "qemu/disk-image-failed",
        address: work.address,
        summary: `the disk of ${running.vm.name} could not be copied`,
        detail: `QEMU says: ${job.error}`,
        hint: "The VM goes on as before. `vmlab doctor` looks at the host.",
      });
    }
    await effects.clock.sleep(LOOK_EVERY_MS, call.signal);
  }
}

function machineGone(work: DiskWork, { vm }: RunningMachine): never {
  return fail({
    code: "qemu/machine-gone",
    address: work.address,
    summary: `${vm.name} went off while its disk was copied`,
    hint: "Nothing was exported. Export it again: what is off needs no --live.",
  });
}
