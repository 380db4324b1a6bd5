/** copy.json in a VM's folder: QEMU is copying the disk, or is about to, and the guest may be made to stand still. */
import { errorText } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { type OwnedNote, readOwnedNote, writeOwnedNote } from "../owned-note.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import { readRuntime, unlessDamaged, type VmFolder, vmFolder } from "../vm-folder.ts";
import { GuestAgent } from "./guest-agent.ts";

/** QEMU's names for the copy: the job, and the nodes that it writes to. */
export const COPY_JOB = "vmlab-export";
export const COPY_NODE = "vmlab-export";
export const COPY_FILE_NODE = "vmlab-export-file";

const QMP_MS = 20_000;
const CANCEL_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** An agent that was frozen by us answers at once. */
const THAW_MS = 5_000;

/** `freezing`: an agent is about to be asked to make the guest stand still. */
export async function writeNote(effects: Effects, folder: VmFolder, freezing = false): Promise<void> {
  await writeOwnedNote(effects, folder.copyNote, { freezing });
}

export async function removeNote(effects: Effects, folder: VmFolder): Promise<void> {
  await effects.files.remove(folder.copyNote);
}

/**
 * Clears up after a vmlab that died while a VM of this host was copied; see {@link endAbandonedCopy}. A machine that
 * does not answer is nobody else's trouble: whoever works with it next tries again.
 */
export async function endAbandonedCopies(context: QemuContext): Promise<void> {
  for (const id of await context.effects.files.list(context.home.vms))
    await endAbandonedCopy(context, vmFolder(context.home, id)).catch(() => undefined);
}

/** Lets the guest go on and ends the copy, if the process that made it is dead. One look at the disk otherwise. */
export async function endAbandonedCopy({ effects }: QemuContext, folder: VmFolder): Promise<void> {
  const note = await readOwnedNote(effects, folder.copyNote);
  if (!note?.abandoned) return;
  const runtime = await unlessDamaged(readRuntime(effects, folder));
  let frozen = false;
  if ((await findMachine(effects, folder, runtime)) !== undefined) {
    frozen = isFreezing(note) && !(await thaws(effects, folder));
    await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) => endCopy(effects, qmp));
  }
  // An agent may only be slow: whoever comes next tries again, as long as the machine runs.
  if (!frozen) await removeNote(effects, folder);
}

/** Nobody can tell of a note that is damaged: then it may. */
function isFreezing({ says }: OwnedNote): boolean {
  return says?.freezing !== false;
}

/**
 * Before a guest is asked again: lets go on what an earlier copy may have left standing still. False when it does not
 * answer; its note stays for whoever comes next.
 */
export async function letGo(effects: Effects, folder: VmFolder): Promise<boolean> {
  const note = await readOwnedNote(effects, folder.copyNote);
  return note === undefined || !isFreezing(note) || (await thaws(effects, folder));
}

async function thaws(effects: Effects, folder: VmFolder): Promise<boolean> {
  try {
    const agent = await GuestAgent.open(effects, folder.agentSocket, THAW_MS);
    await agent.thaw(THAW_MS).finally(() => agent.close());
    return true;
  } catch {
    return false;
  }
}

/** What QEMU tells of the copy. */
export interface CopyJob {
  readonly status: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
  readonly error?: string;
}

/** Undefined when there is no copy. */
export async function copyJob(qmp: QmpConnection): Promise<CopyJob | undefined> {
  const jobs = (await qmp.execute("query-jobs")) as Record<string, unknown>[];
  const job = jobs.find(({ id }) => id === COPY_JOB);
  if (job === undefined) return undefined;
  return {
    status: String(job.status),
    done: Number(job["current-progress"]),
    total: Number(job["total-progress"]),
    ...(job.error === undefined ? {} : { error: String(job.error) }),
  };
}

/** Ends the copy at whatever point it is, and gives its file back. A guest that it brought to a halt goes on. */
export async function endCopy(effects: Effects, qmp: QmpConnection): Promise<void> {
  const until = effects.clock.now() + CANCEL_MS;
  for (let job = await copyJob(qmp); job !== undefined; job = await copyJob(qmp)) {
    if (job.status === "concluded") {
      await qmp.execute("job-dismiss", { id: COPY_JOB });
      break;
    }
    // It may end by itself in the same moment.
    await qmp.execute("job-cancel", { id: COPY_JOB }).catch(() => undefined);
    if (effects.clock.now() > until) throw new Error(`QEMU does not end the job ${COPY_JOB}`);
    await effects.clock.sleep(LOOK_EVERY_MS);
  }
  for (const node of [COPY_NODE, COPY_FILE_NODE]) {
    await qmp.execute("blockdev-del", { "node-name": node }).catch((error: unknown) => {
      if (!/[Ff]ailed to find node/.test(errorText(error))) throw error;
    });
  }
  const { status } = (await qmp.execute("query-status")) as { status?: string };
  if (status === "io-error") await qmp.execute("cont");
}
