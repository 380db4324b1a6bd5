/**
 * The content-addressed store: `images/DIGEST/` with `disk.qcow2` (0444, never written again) and `image.json`. Which
 * key leads to which digest is read from the records, so there is no index to get out of step.
 */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageObservation } from "../provider.ts";
import { imageAttributes } from "./image-attributes.ts";
import { formatRecord, type ImageFacts, type ImageRecord, imageRecord, parseRecord } from "./image-record.ts";

const DISK = "disk.qcow2";
const RECORD = "image.json";
const DIGEST = /^[0-9a-f]{64}$/;

/** Path of an image's disk. The digest may be written with its `sha256:`. */
export function imageDiskPath(home: Home, digest: string): string {
  return join(imageFolder(home, digest), DISK);
}

export function bareDigest(digest: string): string {
  return digest.replace(/^sha256:/, "");
}

function imageFolder(home: Home, digest: string): string {
  const bare = bareDigest(digest);
  // A digest becomes part of a path.
  if (!DIGEST.test(bare)) throw new Error(`not a digest: ${JSON.stringify(digest)}`);
  return join(home.images, bare);
}

/** Every image of the store, newest first. Folders without a readable record are left out. */
export async function listImages(
  effects: Pick<Effects, "files">,
  home: Home,
): Promise<readonly ImageRecord[]> {
  const digests = (await effects.files.list(home.images)).filter((name) => DIGEST.test(name));
  const records = await Promise.all(digests.map((digest) => readRecord(effects, home, digest)));
  return records
    .filter((record) => record !== undefined)
    .sort((a, b) =>
      a.created === b.created ? (a.digest < b.digest ? -1 : 1) : a.created < b.created ? 1 : -1,
    );
}

export async function readRecord(
  effects: Pick<Effects, "files">,
  home: Home,
  digest: string,
): Promise<ImageRecord | undefined> {
  const bare = bareDigest(digest);
  if (!DIGEST.test(bare)) return undefined;
  try {
    return parseRecord(await effects.files.readText(join(imageFolder(home, bare), RECORD)), bare);
  } catch {
    return undefined;
  }
}

/** The newest image that a key leads to and whose file is as it was. */
export async function findByKey(
  effects: Pick<Effects, "files">,
  home: Home,
  key: string,
): Promise<ImageRecord | undefined> {
  for (const record of await listImages(effects, home)) {
    if (record.keys.includes(key) && (await observe(effects, home, record)).state === "present")
      return record;
  }
  return undefined;
}

/** The cheap look: size, time and inode against the record. */
export async function observeImage(
  effects: Pick<Effects, "files">,
  home: Home,
  digest: string,
): Promise<ImageObservation> {
  const record = await readRecord(effects, home, digest);
  if (record !== undefined) return observe(effects, home, record);
  const bare = bareDigest(digest);
  const disk = DIGEST.test(bare) ? await effects.files.stat(imageDiskPath(home, bare)) : undefined;
  return disk === undefined
    ? { state: "absent" }
    : { state: "changed", reason: `its ${RECORD} is missing or damaged` };
}

async function observe(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
): Promise<ImageObservation> {
  const file = await effects.files.stat(imageDiskPath(home, record.digest));
  if (file === undefined) return { state: "absent" };
  const reason =
    file.size !== record.size
      ? `its size is ${file.size} bytes instead of ${record.size}`
      : file.mtimeMs !== record.mtime
        ? "its modification time is not the recorded one"
        : file.inode !== record.inode
          ? "it is another file than the recorded one"
          : undefined;
  if (reason !== undefined) return { state: "changed", reason };
  return {
    state: "present",
    virtualSize: record.virtual_size,
    size: record.size,
    attributes: imageAttributes(record),
  };
}

export type Verification =
  | { readonly state: "whole"; readonly record: ImageRecord }
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly reason: string };

/**
 * Reads every byte. With `mend`, a file whose bytes are right but whose time or inode are not (a store that was
 * copied) is recorded anew.
 */
export async function verifyStored(
  effects: Effects,
  home: Home,
  digest: string,
  options: { mend: boolean; context?: Pick<CallContext, "signal" | "progress"> },
): Promise<Verification> {
  const path = imageDiskPath(home, digest);
  const file = await effects.files.stat(path);
  if (file === undefined) return { state: "absent" };
  const record = await readRecord(effects, home, digest);
  if (record === undefined) return { state: "damaged", reason: `its ${RECORD} is missing or damaged` };
  const { context } = options;
  const actual = await effects.files.sha256(path, {
    ...(context === undefined ? {} : { signal: context.signal }),
    progress: (done) => context?.progress("reading the image", { unit: "bytes", done, total: file.size }),
  });
  if (actual !== record.digest) return { state: "damaged", reason: `its SHA-256 is ${actual}` };
  const mended = { ...record, size: file.size, mtime: file.mtimeMs, inode: file.inode };
  if (options.mend && (record.mtime !== mended.mtime || record.inode !== mended.inode))
    await writeRecord(effects, home, mended);
  return { state: "whole", record: mended };
}

/** Notes that a further key leads to an image. */
export async function addKey(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
  key: string,
): Promise<ImageRecord> {
  if (record.keys.includes(key)) return record;
  const extended = { ...record, keys: [...record.keys, key] };
  await writeRecord(effects, home, extended);
  return extended;
}

async function writeRecord(effects: Pick<Effects, "files">, home: Home, record: ImageRecord): Promise<void> {
  await effects.files.write(join(imageFolder(home, record.digest), RECORD), formatRecord(record));
}

/**
 * Moves `disk.qcow2` of a workplace's folder into the store, in one rename of the folder. Bytes that are there
 * already stay where they are, unless they are damaged: then the damaged ones are put aside.
 */
export async function admitImage(
  effects: Effects,
  home: Home,
  options: { folder: string; digest: string; key: string; facts: ImageFacts; context: CallContext },
): Promise<ImageRecord> {
  const { folder, digest, key, facts, context } = options;
  if ((await observeImage(effects, home, digest)).state !== "absent") {
    const there = await verifyStored(effects, home, digest, { mend: true, context });
    if (there.state === "whole") return addKey(effects, home, there.record, key);
  }
  const target = imageFolder(home, digest);
  if ((await effects.files.stat(target)) !== undefined) {
    await effects.files.rename(
      target,
      join(home.images, `.damaged-${digest}-${effects.random.bytes(3).toString("hex")}`),
    );
  }
  const disk = join(folder, DISK);
  await effects.files.chmod(disk, 0o444);
  const file = await effects.files.stat(disk);
  if (file === undefined) throw new Error(`${disk} vanished`);
  const record = imageRecord(facts, { digest, key, file, now: effects.clock.now() });
  await effects.files.write(join(folder, RECORD), formatRecord(record));
  await effects.files.rename(folder, target);
  return record;
}

/** Where an image is made ready for {@link admitImage}. */
export function preparedDisk(folder: string): string {
  return join(folder, DISK);
}
