/** What backups take of the image store, and how they put it back. */
import { join } from "node:path";
import { fail, systemErrorCode } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { BackupCall, BackupImages } from "../../../engine/host/backup/images.ts";
import { type BackupPart, textPart } from "../../../engine/host/backup/parts.ts";
import { formatRecord, type ImageRecord, parseRecord } from "../image-record.ts";
import {
  admitRecorded,
  imageDiskPath,
  listImages,
  preparedDisk,
  readRecord,
  shortDigest,
  verifyStored,
  writeRecord,
} from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import { checkLayer } from "./check-layer.ts";
import { imageName } from "./image-name.ts";

export function backupImages({
  effects,
  home,
}: {
  readonly effects: Effects;
  readonly home: Home;
}): BackupImages {
  return {
    async withParts({ disks, call }, use) {
      const records = await listImages(effects, home);
      const take = async () => use(await partsOf(effects, home, records, disks, call));
      if (!disks) return take();
      const digests = records.map(({ digest }) => digest);
      return withWorkplace(effects, home, take, undefined, digests);
    },
    parentOf: (record) => (JSON.parse(record) as Partial<ImageRecord>).parent,
    async standing(digest) {
      if ((await effects.files.stat(imageDiskPath(home, digest))) === undefined) return "missing";
      return (await readRecord(effects, home, digest)) === undefined ? "record" : "there";
    },
    restore: (digest, record, disk, call) => restoreImage(effects, home, digest, record, disk, call),
  };
}

async function partsOf(
  effects: Effects,
  home: Home,
  records: readonly ImageRecord[],
  disks: boolean,
  call: BackupCall,
): Promise<readonly BackupPart[]> {
  const parts: BackupPart[] = [];
  for (const record of records) {
    const { digest, size } = record;
    parts.push(textPart(`images/${digest}/image.json`, formatRecord(record)));
    if (!disks) continue;
    const file = imageDiskPath(home, digest);
    const found = await verifyStored(effects, home, digest, { mend: false, context: call });
    if (found.state !== "whole") {
      fail({
        code: "image/damaged",
        summary: `the image ${imageName(record, digest)} (${shortDigest(digest)}) cannot be backed up`,
        detail: found.state === "absent" ? "Its disk is not in the store." : `In the store, ${found.reason}.`,
        hint: "`vmlab images verify --repair` mends what can be mended; `vmlab images rm` removes it.",
      });
    }
    parts.push({ path: `images/${digest}/disk.qcow2`, sha256: digest, size, content: { file } });
  }
  return parts;
}

async function restoreImage(
  effects: Effects,
  home: Home,
  digest: string,
  text: string,
  disk: string | undefined,
  call: BackupCall,
): Promise<void> {
  const record = parseRecord(text, digest);
  if (record === undefined) throw new Error(`the backup's record of ${digest} is damaged`);
  if (disk === undefined) {
    await writeRecord(effects, home, record);
    const found = await verifyStored(effects, home, digest, { mend: true, context: call });
    if (found.state === "damaged") await writeRecord(effects, home, { ...record, damaged: found.reason });
    return;
  }
  // The layer below is there already: layers come lowest first.
  const uses = record.parent === undefined ? [] : [record.parent];
  await withWorkplace(
    effects,
    home,
    async ({ folder }) => {
      const place = join(folder, digest);
      await effects.files.makeDir(place);
      for (const parent of uses) await effects.files.symlink(join(home.images, parent), join(folder, parent));
      await effects.files.copy(disk, preparedDisk(place), { signal: call.signal }).catch((error: unknown) => {
        if (systemErrorCode(error) === "ENOSPC") noSpace(error);
        throw error;
      });
      await checkLayer(effects, preparedDisk(place), record, { shown: "the backup", context: call });
      await admitRecorded(effects, home, { folder: place, record, context: call });
    },
    undefined,
    uses,
  );
}

function noSpace(cause: unknown): never {
  fail(
    {
      code: "image/no-space",
      summary: "not enough disk space to restore the images",
      hint: "Make room and restore again: what is restored already is not copied again.",
    },
    cause,
  );
}
