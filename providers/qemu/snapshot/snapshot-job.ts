/**
 * QEMU's jobs for snapshots with memory (QMP `snapshot-save`, `-load`, `-delete`). A job that fails is told only by its
 * own record, and QEMU answers nobody while it works.
 */
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { QmpConnection } from "../qmp.ts";

/** Gigabytes of memory to a slow disk. */
const JOB_MS = 1_800_000;
const LOOK_EVERY_MS = 50;

/** @param nodes the first holds the memory */
export async function snapshotJob(
  effects: Effects,
  qmp: QmpConnection,
  job: {
    readonly verb: "save" | "load" | "delete";
    readonly name: string;
    readonly nodes: readonly string[];
    /** Of the VM. */
    readonly vm: string;
  },
): Promise<void> {
  const { verb, name, nodes } = job;
  const id = `vmlab-snapshot-${verb}`;
  const memory = verb === "delete" ? {} : { vmstate: nodes[0] };
  await qmp.execute(`snapshot-${verb}`, { "job-id": id, tag: name, ...memory, devices: nodes });
  for (;;) {
    const jobs = (await qmp.execute("query-jobs", {}, { timeoutMs: JOB_MS })) as Record<string, unknown>[];
    const own = jobs.find((one) => one.id === id);
    if (own === undefined) return;
    if (own.status === "concluded") {
      await qmp.execute("job-dismiss", { id });
      if (own.error !== undefined) jobFailed(job, String(own.error));
      return;
    }
    await effects.clock.sleep(LOOK_EVERY_MS);
  }
}

const FAILED = { save: "be taken", load: "be restored", delete: "be removed" };

function jobFailed({ verb, name, vm }: Parameters<typeof snapshotJob>[2], said: string): never {
  if (/No space left|Disk quota exceeded/.test(said)) {
    fail({
      code: "host/disk-full",
      address: `vm.${vm}`,
      summary: `not enough disk space for the snapshot ${name} of ${vm}`,
      detail: `QEMU says: ${said}`,
      hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`.",
    });
  }
  return fail({
    code: "qemu/snapshot-failed",
    address: `vm.${vm}`,
    summary: `the snapshot ${name} of ${vm} could not ${FAILED[verb]}`,
    detail: `QEMU says: ${said}`,
    hint: /VirtFS|9p/.test(said)
      ? `A shared folder that the guest has mounted stands in the way: unmount it there, or stop the VM first (\`vmlab stop ${vm}\`).`
      : "`vmlab doctor` looks at the host.",
  });
}
