/**
 * Copies the disk of a running machine as it is at one moment. The guest agent makes the file systems stand still, QEMU
 * begins a backup of the disk, and they go on at once: from then on QEMU saves each cluster before the guest's first
 * write to it. The machine's own layers are not touched: there is nothing to take back when something goes wrong.
 */
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { QemuContext } from "../context.ts";
import { isAlive } from "../machine-process.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import type { RunningMachine } from "../ready.ts";
import { diskNode } from "../vm-folder.ts";
import { COPY_FILE_NODE, COPY_JOB, COPY_NODE, copyJob, endCopy } from "./copy-note.ts";
import { type DiskWork, isFullDisk, noSpace, qemuImg, qemuImgJson } from "./disk-tools.ts";
import { GuestAgentError } from "./guest-agent.ts";
import { syncGuest, whileItStandsStill, withCopyNote } from "./stand-still.ts";

const QMP_MS = 20_000;
const LOOK_EVERY_MS = 250;

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
  await withCopyNote(effects, running, async () => {
    try {
      await monitor(effects, running, (qmp) => begin(work, running, qmp, copy));
      await waitForCopy(work, running);
    } catch (error) {
      call.signal.throwIfAborted();
      if (!(await isAlive(effects, running.folder, running.machine))) machineGone(work, running);
      throw error;
    } finally {
      // A machine that is gone has taken the copy with it.
      if (await isAlive(effects, running.folder, running.machine))
        await monitor(effects, running, (qmp) => endCopy(effects, qmp));
    }
  });
}

function monitor<T>(
  effects: Effects,
  running: RunningMachine,
  use: (qmp: QmpConnection) => Promise<T>,
): Promise<T> {
  return withQmp(effects, running.folder.qmpSocket, { timeoutMs: QMP_MS }, use);
}

/** The moment that is copied. No interrupt gets in between: a guest that stands still is let go first. */
async function begin(
  work: DiskWork,
  running: RunningMachine,
  qmp: QmpConnection,
  { target, freeze }: { readonly target: string; readonly freeze: boolean },
): Promise<void> {
  const file = { driver: "file", filename: target };
  await qmp.execute("blockdev-add", { "node-name": COPY_FILE_NODE, ...file });
  await qmp.execute("blockdev-add", { driver: "qcow2", "node-name": COPY_NODE, file: COPY_FILE_NODE });
  const backup = (): Promise<unknown> =>
    qmp.execute("blockdev-backup", {
      ...{ "job-id": COPY_JOB, device: diskNode(running.vm), target: COPY_NODE, sync: "full" },
      // Its end is waited for by looking: a job that went away by itself would take its error with it.
      "auto-dismiss": false,
    });
  if (freeze)
    await whileItStandsStill(work, running, backup).catch((error: unknown) => noAgent(work, running, error));
  else await backup();
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
