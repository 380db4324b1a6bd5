/** Takes a snapshot out of the disks that hold it. */
import { fail } from "../../../engine/diagnostics.ts";
import type { QemuContext } from "../context.ts";
import { pluggedVolumes } from "../volume/plug.ts";
import type { SnapshotTarget } from "./find-target.ts";
import { changeInner, innerSnapshots, snapshotDisks } from "./snapshot-disks.ts";
import { atMachine, type SnapshotJob, settleSnapshotJobs, snapshotJob } from "./snapshot-job.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/**
 * Disks without it, and disks that are gone, are passed over. Fails when another machine has a volume open, before its
 * own disk is changed.
 */
export async function removeInner(
  context: QemuContext,
  target: Pick<SnapshotTarget, "folder" | "vm" | "machine">,
  snapshot: Pick<SnapshotRecord, "tag" | "volumes"> & Pick<SnapshotJob, "what">,
  timeoutMs?: number,
): Promise<void> {
  const { effects } = context;
  const { folder, vm, machine } = target;
  const { what, tag } = snapshot;
  const open =
    machine === undefined
      ? new Set<string>()
      : await atMachine(
          effects,
          target,
          async (qmp) => {
            await settleSnapshotJobs(effects, qmp);
            return new Set((await pluggedVolumes(qmp)).map(({ id }) => `volume-${id}`));
          },
          timeoutMs,
        );
  const holds = async (path: string) =>
    (await effects.files.stat(path)) !== undefined &&
    (await innerSnapshots(effects, path)).some((inner) => inner.name === tag);
  const there = [];
  for (const disk of snapshotDisks(context, folder, vm, snapshot.volumes))
    if (await holds(disk.path)) there.push(disk);
  const isOpen = (node: string) => machine !== undefined && (!node.startsWith("volume-") || open.has(node));
  for (const { path } of there.filter(({ node }) => !isOpen(node)).reverse())
    await changeInner(effects, "delete", path, tag);
  const nodes = there.map(({ node }) => node).filter(isOpen);
  if (nodes.length === 0) return;
  await atMachine(
    effects,
    target,
    (qmp) => snapshotJob(effects, qmp, { verb: "delete", what, tag, nodes, vm: vm.name }),
    timeoutMs,
  );
  for (const { path, what: disk } of there) {
    if (!(await holds(path))) continue;
    fail({
      code: "qemu/snapshot-failed",
      address: `vm.${vm.name}`,
      summary: `${what} is still in ${disk}`,
      hint: "Try again. `vmlab doctor` looks at the host.",
    });
  }
}
