/** Volumes: qcow2 disks in folders of their own on this host. */
import type { JsonObject } from "../../../engine/json.ts";
import type { CallContext, VolumeObservation, VolumeProvider, VolumeSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { createDisk, growDisk } from "../disk-image.ts";
import { findMachine } from "../machine-process.ts";
import { withQmp } from "../qmp.ts";
import { requireNotSuspended } from "../suspend/require-not-suspended.ts";
import { readRuntime, readVmRecord, vmFolder } from "../vm-folder.ts";
import { isPlugged, volumeNode } from "./plug.ts";
import { emptyVolumeTrash, listVolumeTrash, removeVolume, restoreVolume } from "./trash.ts";
import { readVolumeRecord, volumeAttributes, volumeFolder, writeVolumeRecord } from "./volume-folder.ts";

type Context = Pick<QemuContext, "effects" | "home">;

export function qemuVolumeProvider(context: Context): VolumeProvider {
  return {
    create: (spec) => createVolume(context, spec),
    read: async (ids) =>
      new Map(
        await Promise.all(
          ids.map(async (id) => [id, await readVolume(context, id)] as [string, VolumeObservation]),
        ),
      ),
    usage: async () => {
      const { measureVolumes } = await import("./usage.ts");
      return await measureVolumes(context);
    },
    grow: (spec, holders, call) => growVolume(context, spec, holders, call),
    remove: (id, options) => removeVolume(context, id, options),
    trash: () => listVolumeTrash(context),
    restoreFromTrash: (id) => restoreVolume(context, id),
    emptyTrash: (id) => emptyVolumeTrash(context, id),
  };
}

async function createVolume(
  { effects, home }: Context,
  { id, name, lab, size, filesystem }: VolumeSpec,
): Promise<JsonObject> {
  const folder = volumeFolder(home, id);
  const existing = await readVolumeRecord(effects, folder);
  if (existing !== undefined) return volumeAttributes(existing);
  await effects.files.remove(folder.root);
  await effects.files.makeDir(folder.root);
  await createDisk(effects, folder.disk, size);
  await effects.files.chmod(folder.disk, 0o600);
  const record = {
    version: 1,
    id,
    name,
    lab: { name: lab.name, lineage: lab.lineage },
    size,
    filesystem,
    createdAt: effects.clock.now(),
  } as const;
  await writeVolumeRecord(effects, folder, record);
  return volumeAttributes(record);
}

async function readVolume({ effects, home }: Context, id: string): Promise<VolumeObservation> {
  const folder = volumeFolder(home, id);
  if ((await effects.files.stat(folder.root)) === undefined) return { state: "absent" };
  const record = await readVolumeRecord(effects, folder);
  if (record === undefined) return { state: "incomplete" };
  const disk = await effects.files.stat(folder.disk);
  return disk?.kind === "file"
    ? { state: "present", attributes: volumeAttributes(record) }
    : { state: "absent" };
}

async function growVolume(
  context: Context,
  { id, name, size }: VolumeSpec,
  holders: readonly string[],
  call: CallContext,
): Promise<JsonObject> {
  const { effects, home } = context;
  const folder = volumeFolder(home, id);
  const record = await readVolumeRecord(effects, folder);
  if (record === undefined) throw new Error(`there is no volume ${id} to grow`);
  if (size <= record.size) return volumeAttributes(record);
  let isLive = false;
  for (const holder of holders) {
    const folderOf = vmFolder(home, holder);
    const vm = (await readVmRecord(effects, folderOf))?.name ?? holder;
    await requireNotSuspended(effects, folderOf, { vm, doing: `volume.${name} cannot be grown` });
  }
  for (const holder of holders) isLive ||= await growLive(context, holder, { id, size }, call.signal);
  if (!isLive) await growDisk(effects, folder.disk, size);
  const grown = { ...record, size };
  await writeVolumeRecord(effects, folder, grown);
  return volumeAttributes(grown);
}

/** False when the VM does not run, or runs without the volume. */
async function growLive(
  { effects, home }: Context,
  holder: string,
  { id, size }: Pick<VolumeSpec, "id" | "size">,
  signal: AbortSignal,
): Promise<boolean> {
  const folder = vmFolder(home, holder);
  if ((await findMachine(effects, folder, await readRuntime(effects, folder))) === undefined) return false;
  return await withQmp(effects, folder.qmpSocket, { signal, timeoutMs: 30_000 }, async (qmp) => {
    if (!(await isPlugged(qmp, id))) return false;
    await qmp.execute("block_resize", { "node-name": volumeNode(id), size });
    return true;
  });
}
