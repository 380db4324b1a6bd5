/** Removes volumes, for good or into the trash, from which they come back whole. */

import { fail } from "../../../engine/diagnostics.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import type { TrashedVolume } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { readVolumeRecord, trashedVolumeFolder, type VolumeFolder, volumeFolder } from "./volume-folder.ts";

type Context = Pick<QemuContext, "effects" | "home">;

/** A half-made volume is never worth the trash. */
export async function removeVolume(
  { effects, home }: Context,
  id: string,
  options: { readonly trash?: Omit<TrashedVolume, "size" | "id"> },
): Promise<void> {
  const folder = volumeFolder(home, id);
  if ((await effects.files.stat(folder.root)) === undefined) return;
  const isWhole = (await effects.files.stat(folder.record)) !== undefined;
  if (options.trash === undefined || !isWhole) {
    // The record goes first: a folder that a crash leaves is half a volume, not one with a missing disk.
    await effects.files.remove(folder.record);
    await effects.files.remove(folder.root);
    return;
  }
  const there = trashedVolumeFolder(home, id);
  await effects.files.write(folder.trashRecord, `${JSON.stringify({ ...options.trash, id })}\n`);
  await effects.files.makeDir(home.trash);
  await effects.files.rename(folder.root, there.root);
}

/** Newest first. */
export async function listVolumeTrash(context: Context): Promise<readonly TrashedVolume[]> {
  const { effects, home } = context;
  const found: TrashedVolume[] = [];
  for (const id of await effects.files.list(home.trash)) {
    const folder = trashedVolumeFolder(home, id);
    const about = await readTrashRecord(context, folder);
    if (about === undefined) continue;
    found.push({ ...about, id, size: (await effects.files.stat(folder.disk))?.allocated ?? 0 });
  }
  return found.sort((a, b) => b.deletedAt - a.deletedAt || a.id.localeCompare(b.id));
}

/** Undefined for what is no volume in the trash. */
async function readTrashRecord(
  { effects }: Context,
  folder: VolumeFolder,
): Promise<Omit<TrashedVolume, "size"> | undefined> {
  const text = await readTextIfThere(effects.files, folder.trashRecord);
  return text === undefined ? undefined : (JSON.parse(text) as Omit<TrashedVolume, "size">);
}

export async function restoreVolume({ effects, home }: Context, id: string): Promise<void> {
  const there = trashedVolumeFolder(home, id);
  const here = volumeFolder(home, id);
  if ((await effects.files.stat(there.trashRecord)) !== undefined) {
    await effects.files.makeDir(home.volumes);
    await effects.files.rename(there.root, here.root);
  } else if ((await readVolumeRecord(effects, here)) === undefined) {
    fail({
      code: "qemu/not-in-trash",
      summary: `there is no volume with the id ${id} in the trash`,
      hint: "List it: vmlab trash list",
    });
  }
  await effects.files.remove(here.trashRecord);
}

export async function emptyVolumeTrash({ effects, home }: Context, id: string): Promise<void> {
  const folder = trashedVolumeFolder(home, id);
  if ((await effects.files.stat(folder.trashRecord)) !== undefined) await effects.files.remove(folder.root);
}
