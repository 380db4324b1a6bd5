/** Takes the snapshots of a VM that goes for good out of the volumes that it had. */
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import {
  readRuntime,
  readVmRecord,
  unlessDamaged,
  type VmFolder,
  type VmRecord,
  vmFolder,
} from "../vm-folder.ts";
import { pluggedVolumes, volumeNode } from "../volume/plug.ts";
import { volumeFolder } from "../volume/volume-folder.ts";
import { changeInner, innerSnapshots } from "./snapshot-disks.ts";
import { atMachine, snapshotCalled, snapshotJob } from "./snapshot-job.ts";
import { readSnapshots } from "./snapshot-record.ts";

/** Best effort: a volume that cannot be changed now keeps what is in it, and the VM goes all the same. */
export async function forgetInVolumes(context: QemuContext, folder: VmFolder): Promise<void> {
  const { effects, home } = context;
  const snapshots = await readSnapshots(effects, folder).catch(() => []);
  for (const { name, tag, vm, volumes } of snapshots) {
    for (const { id } of volumes) {
      const path = volumeFolder(home, id).disk;
      if ((await effects.files.stat(path)) === undefined) continue;
      await forget(context, { id, path, tag, what: snapshotCalled(name, vm.name) }).catch(() => undefined);
    }
  }
}

async function forget(
  context: QemuContext,
  {
    id,
    path,
    tag,
    what,
  }: { readonly id: string; readonly path: string; readonly tag: string; readonly what: string },
): Promise<void> {
  const { effects } = context;
  if (!(await innerSnapshots(effects, path)).some((inner) => inner.name === tag)) return;
  const holder = await holderOf(context, id);
  if (holder === undefined) return await changeInner(effects, "delete", path, tag);
  const nodes = [volumeNode(id)];
  await atMachine(effects, holder, (qmp) =>
    snapshotJob(effects, qmp, { verb: "delete", what, tag, nodes, vm: holder.vm.name }),
  );
}

/** The running machine that has the volume open. */
async function holderOf(
  { effects, home }: QemuContext,
  volume: string,
): Promise<{ readonly folder: VmFolder; readonly vm: VmRecord } | undefined> {
  for (const id of await effects.files.list(home.vms)) {
    const folder = vmFolder(home, id);
    const vm = await unlessDamaged(readVmRecord(effects, folder));
    if (vm === undefined) continue;
    if ((await findMachine(effects, folder, await unlessDamaged(readRuntime(effects, folder)))) === undefined)
      continue;
    const plugged = await atMachine(effects, { folder, vm }, pluggedVolumes);
    if (plugged.some((one) => one.id === volume)) return { folder, vm };
  }
  return undefined;
}
