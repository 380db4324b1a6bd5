/** What volumes take of this host. */
import type { VolumeUsage } from "../../usage.ts";
import type { QemuContext } from "../context.ts";
import { readSnapshots } from "../snapshot/snapshot-record.ts";
import { growthOf } from "../usage.ts";
import { unlessDamaged, vmFolder } from "../vm-folder.ts";
import { readVolumeRecord, volumeFolder } from "./volume-folder.ts";

/** In the order of their ids. What has no sound record is left out. */
export async function measureVolumes({
  effects,
  home,
}: Pick<QemuContext, "effects" | "home">): Promise<readonly VolumeUsage[]> {
  const held = await volumesInSnapshots({ effects, home });
  const found: VolumeUsage[] = [];
  for (const id of await effects.files.list(home.volumes)) {
    const folder = volumeFolder(home, id);
    // Something that is no folder may lie there.
    if ((await effects.files.stat(folder.root))?.kind !== "folder") continue;
    const record = await unlessDamaged(readVolumeRecord(effects, folder));
    if (record === undefined) continue;
    const allocated = (await effects.files.stat(folder.disk))?.allocated ?? 0;
    const { name, lab, size } = record;
    const growth = growthOf(size, allocated, held.has(id));
    found.push({
      id,
      name,
      lab: { name: lab.name, lineage: lab.lineage },
      disk: { size, allocated, growth },
    });
  }
  return found;
}

/** Ids of the volumes that the snapshots of any VM hold. */
async function volumesInSnapshots({
  effects,
  home,
}: Pick<QemuContext, "effects" | "home">): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const id of await effects.files.list(home.vms)) {
    if ((await effects.files.stat(vmFolder(home, id).root))?.kind !== "folder") continue;
    const snapshots = (await unlessDamaged(readSnapshots(effects, vmFolder(home, id)))) ?? [];
    for (const { volumes } of snapshots) for (const volume of volumes) held.add(volume.id);
  }
  return held;
}
