/** Repairs of the store. Each leaves it whole at every moment: what is right is linked before what is wrong goes. */
import { join } from "node:path";
import { systemErrorCode } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { type ImageRecord, parseRecord } from "../image-record.ts";
import { admitRecorded, imageDiskPath, preparedDisk, readRecord, writeRecord } from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import type { ReadContext } from "./read-disks.ts";
import { rebuildRecord } from "./rebuild-record.ts";

/** A disk with the bytes of `digest`, found at `path`. */
export interface MovedDisk {
  readonly digest: string;
  readonly path: string;
}

/** Puts disks that were found elsewhere where they belong. What lies there is put aside; the sources stay. */
export async function putBack(
  effects: Effects,
  home: Home,
  moved: readonly MovedDisk[],
  context: ReadContext,
): Promise<void> {
  if (moved.length === 0) return;
  await withWorkplace(effects, home, async ({ folder }) => {
    const ready: { folder: string; record: ImageRecord }[] = [];
    for (const { digest, path } of moved) {
      const place = join(folder, digest);
      await effects.files.makeDir(place);
      // All of them first: two that lie in each other's place must not lose one of them.
      await linkOrCopy(effects, path, preparedDisk(place), context.signal);
      const record =
        (await readRecord(effects, home, digest)) ??
        (await recordBeside(effects, path, digest)) ??
        (await rebuildRecord(effects, home, digest, preparedDisk(place)));
      ready.push({ folder: place, record });
    }
    for (const each of ready) await admitRecorded(effects, home, { ...each, context });
  });
}

/** Writes the record of a disk whose bytes are right: the one that is there with its facts corrected, or a new one. */
export async function mendRecord(effects: Effects, home: Home, digest: string): Promise<void> {
  const disk = imageDiskPath(home, digest);
  const rebuilt = await rebuildRecord(effects, home, digest, disk);
  const record = await readRecord(effects, home, digest);
  const { damaged: _, parent: __, ...known } = record ?? rebuilt;
  const { size, mtime, inode, virtual_size } = rebuilt;
  const parent = rebuilt.parent === undefined ? {} : { parent: rebuilt.parent };
  await writeRecord(effects, home, { ...known, ...parent, size, mtime, inode, virtual_size });
}

/** From then on the image is used for nothing new, and apply gets or builds it anew. */
export async function markDamaged(
  effects: Effects,
  home: Home,
  digest: string,
  reason: string,
): Promise<void> {
  const record = await readRecord(effects, home, digest);
  if (record !== undefined && record.damaged === undefined)
    await writeRecord(effects, home, { ...record, damaged: reason });
}

async function linkOrCopy(effects: Effects, from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await effects.files.link(from, to);
  } catch (error) {
    if (!["EXDEV", "EPERM", "ENOTSUP", "EMLINK"].includes(systemErrorCode(error) ?? "")) throw error;
    await effects.files.copy(from, to, { signal });
  }
}

async function recordBeside(
  effects: Effects,
  disk: string,
  digest: string,
): Promise<ImageRecord | undefined> {
  try {
    return parseRecord(await effects.files.readText(join(disk, "..", "image.json")), digest);
  } catch {
    return undefined;
  }
}
