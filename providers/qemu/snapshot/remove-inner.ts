/** Takes a snapshot out of the disks that hold it. */
import { fail } from "../../../engine/diagnostics.ts";
import type { QemuContext } from "../context.ts";
import { withQmp } from "../qmp.ts";
import { pluggedVolumes } from "../volume/plug.ts";
import type { SnapshotTarget } from "./find-target.ts";
import { changeInner, innerSnapshots, snapshotDisks } from "./snapshot-disks.ts";
import { snapshotJob } from "./snapshot-job.ts";

/** QEMU answers nobody while it saves the memory of a big guest. */
const QMP_MS = 600_000;

/** Disks without it, and disks that are gone, are passed over. Fails when another machine has one of them open. */
export async function removeInner(
  context: QemuContext,
  { folder, vm, machine }: Pick<SnapshotTarget, "folder" | "vm" | "machine">,
  snapshot: { readonly name: string; readonly volumes: readonly { id: string; name: string }[] },
): Promise<void> {
  const { effects } = context;
  const { name } = snapshot;
  const there = [];
  for (const disk of snapshotDisks(context, folder, vm, snapshot.volumes)) {
    if ((await effects.files.stat(disk.path)) === undefined) continue;
    if ((await innerSnapshots(effects, disk.path)).some((inner) => inner.name === name)) there.push(disk);
  }
  if (there.length === 0) return;
  const open = machine === undefined ? new Set<string>() : await openNodes(context, folder.qmpSocket, there);
  for (const disk of there.filter(({ node }) => !open.has(node)))
    await changeInner(effects, "delete", disk.path, name);
  const nodes = there.map(({ node }) => node).filter((node) => open.has(node));
  if (nodes.length === 0) return;
  await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) =>
    snapshotJob(effects, qmp, { verb: "delete", name, nodes, vm: vm.name }),
  );
  for (const { path, what } of there) {
    if (!(await innerSnapshots(effects, path)).some((inner) => inner.name === name)) continue;
    fail({
      code: "qemu/snapshot-failed",
      address: `vm.${vm.name}`,
      summary: `the snapshot ${name} of ${vm.name} is still in ${what}`,
      hint: "Try again. `vmlab doctor` looks at the host.",
    });
  }
}

/** Of these disks, the nodes that the machine has. A volume may have left it since. */
async function openNodes(
  { effects }: QemuContext,
  socket: string,
  disks: readonly { readonly node: string }[],
): Promise<ReadonlySet<string>> {
  const volumes = await withQmp(effects, socket, { timeoutMs: QMP_MS }, pluggedVolumes);
  const plugged = new Set(volumes.map(({ id }) => `volume-${id}`));
  return new Set(
    disks.map(({ node }) => node).filter((node) => !node.startsWith("volume-") || plugged.has(node)),
  );
}
