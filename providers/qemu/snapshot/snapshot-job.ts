/**
 * QEMU's jobs for snapshots with memory (QMP `snapshot-save`, `-load`, `-delete`). A job that fails is told only by its
 * own record, and QEMU answers nobody while it works.
 */
import { errorText, fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import type { VmFolder, VmRecord } from "../vm-folder.ts";

/** Gigabytes of memory to a slow disk. */
export const ANSWER_MS = 600_000;
const LOOK_EVERY_MS = 50;
const PREFIX = "vmlab-snapshot-";

export interface SnapshotJob {
  readonly verb: "save" | "load" | "delete";
  /** What people call it: `the snapshot clean of web`. */
  readonly what: string;
  readonly tag: string;
  /** The first holds the memory. */
  readonly nodes: readonly string[];
  /** Name of the VM. */
  readonly vm: string;
}

export async function snapshotJob(effects: Effects, qmp: QmpConnection, job: SnapshotJob): Promise<void> {
  const { verb, tag, nodes } = job;
  const id = `${PREFIX}${verb}`;
  await settleSnapshotJobs(effects, qmp);
  const memory = verb === "delete" ? {} : { vmstate: nodes[0] };
  await qmp.execute(`snapshot-${verb}`, { "job-id": id, tag, ...memory, devices: nodes });
  const error = await settled(effects, qmp, id);
  if (error !== undefined) jobFailed(job, error);
}

/** Waits for what a dead vmlab began, and takes it off QEMU's list, on which a name can stand once. */
export async function settleSnapshotJobs(effects: Effects, qmp: QmpConnection): Promise<void> {
  for (const { id } of await jobs(qmp))
    if (typeof id === "string" && id.startsWith(PREFIX)) await settled(effects, qmp, id);
}

/** Resolves with QEMU's words for why it failed. */
async function settled(effects: Effects, qmp: QmpConnection, id: string): Promise<string | undefined> {
  for (;;) {
    const own = (await jobs(qmp)).find((one) => one.id === id);
    if (own === undefined) return undefined;
    if (own.status === "concluded") {
      await qmp.execute("job-dismiss", { id });
      return own.error === undefined ? undefined : String(own.error);
    }
    await effects.clock.sleep(LOOK_EVERY_MS);
  }
}

async function jobs(qmp: QmpConnection): Promise<readonly Record<string, unknown>[]> {
  return (await qmp.execute("query-jobs", {}, { timeoutMs: ANSWER_MS })) as Record<string, unknown>[];
}

const FAILED = { save: "be taken", load: "be restored", delete: "be removed" };

/** As messages name a snapshot. */
export function snapshotCalled(name: string, vm: string): string {
  return `the snapshot ${name} of ${vm}`;
}

function jobFailed({ verb, what, vm }: SnapshotJob, said: string): never {
  if (/No space left|Disk quota exceeded/.test(said)) {
    fail({
      code: "host/disk-full",
      address: `vm.${vm}`,
      summary: `not enough disk space for ${what}`,
      detail: `QEMU says: ${said}`,
      hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`.",
    });
  }
  return fail({
    code: "qemu/snapshot-failed",
    address: `vm.${vm}`,
    summary: `${what} could not ${FAILED[verb]}`,
    detail: `QEMU says: ${said}`,
    hint: /VirtFS|9p/.test(said)
      ? `A shared folder that the guest has mounted stands in the way: unmount it there, or stop the VM first (\`vmlab stop ${vm}\`).`
      : "`vmlab doctor` looks at the host.",
  });
}

/** Talks to a machine about a snapshot. That it went away, or refused, is a diagnostic. */
export async function atMachine<T>(
  effects: Effects,
  { folder, vm }: { readonly folder: VmFolder; readonly vm: VmRecord },
  use: (qmp: QmpConnection) => Promise<T>,
  timeoutMs = ANSWER_MS,
): Promise<T> {
  try {
    return await withQmp(effects, folder.qmpSocket, { timeoutMs }, use);
  } catch (error) {
    if (isDiagnosticsError(error)) throw error;
    return fail(
      {
        code: "qemu/snapshot-failed",
        address: `vm.${vm.name}`,
        summary: `QEMU did not do what the snapshot of ${vm.name} needs`,
        detail: errorText(error),
        hint: `\`vmlab list\` shows whether it runs, \`vmlab logs ${vm.name}\` its console.`,
      },
      error,
    );
  }
}
