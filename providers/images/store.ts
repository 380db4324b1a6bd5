/**
 * The content-addressed store: `images/DIGEST/` with `disk.qcow2` (0444, never written again) and `image.json`. Which
 * key leads to which digest is read from the records, so there is no index to get out of step.
 */
import { join } from "node:path";
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects, FileStat } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageObservation } from "../provider.ts";
import { imageAttributes } from "./image-attributes.ts";
import { formatRecord, type ImageFacts, type ImageRecord, imageRecord, parseRecord } from "./image-record.ts";

const DISK = "disk.qcow2";
const RECORD = "image.json";
const DIGEST = /^[0-9a-f]{64}$/;
/** No chain is longer: a record that was edited may name itself. */
const MOST_LAYERS = 100;

/** Path of an image's disk. The digest may be written with its `sha256:`. */
export function imageDiskPath(home: Home, digest: string): string {
  return join(imageFolder(home, digest), DISK);
}

export function bareDigest(digest: string): string {
  return digest.replace(/^sha256:/, "");
}

/** The folder of an image, whether it is there or not. */
export function imageFolder(home: Home, digest: string): string {
  const bare = bareDigest(digest);
  // A digest becomes part of a path.
  if (!DIGEST.test(bare)) throw new Error(`not a digest: ${JSON.stringify(digest)}`);
  return join(home.images, bare);
}

/** Digests that have a folder in the store, whatever is in it. */
export async function listDigests(effects: Pick<Effects, "files">, home: Home): Promise<readonly string[]> {
  return (await effects.files.list(home.images)).filter((name) => DIGEST.test(name));
}

/** Every image of the store, newest first. Folders without a readable record are left out. */
export async function listImages(
  effects: Pick<Effects, "files">,
  home: Home,
): Promise<readonly ImageRecord[]> {
  const digests = await listDigests(effects, home);
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

/** The cheap look: size, time and inode against the record, of the image and of every layer below it. */
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
  const found = await observeLayer(effects, home, record);
  if (found !== "present") return found;
  const reason = await layersBelow(effects, home, record);
  if (reason !== undefined) return { state: "changed", reason };
  return {
    state: "present",
    virtualSize: record.virtual_size,
    size: record.size,
    attributes: imageAttributes(record),
  };
}

/** The disk of one image by itself. */
async function observeLayer(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
): Promise<{ state: "absent" } | { state: "changed"; reason: string } | "present"> {
  const file = await effects.files.stat(imageDiskPath(home, record.digest));
  if (file === undefined) return { state: "absent" };
  if (record.damaged !== undefined) return { state: "changed", reason: record.damaged };
  const reason =
    file.size !== record.size
      ? `its size is ${file.size} bytes instead of ${record.size}`
      : file.mtimeMs !== record.mtime
        ? "its modification time is not the recorded one"
        : file.inode !== record.inode
          ? "it is another file than the recorded one"
          : undefined;
  return reason === undefined ? "present" : { state: "changed", reason };
}

/** What is wrong below an image; undefined when nothing is. */
async function layersBelow(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
): Promise<string | undefined> {
  let { parent } = record;
  for (let depth = 1; parent !== undefined; depth += 1) {
    if (depth > MOST_LAYERS) return `it has more than ${MOST_LAYERS} layers`;
    const below = await readRecord(effects, home, parent);
    if (below === undefined) {
      const disk = DIGEST.test(parent) ? await effects.files.stat(imageDiskPath(home, parent)) : undefined;
      const what = disk === undefined ? "is missing" : `has no readable ${RECORD}`;
      return `the layer ${layerName(parent)} below it ${what}`;
    }
    const found = await observeLayer(effects, home, below);
    const called = `the layer ${layerName(parent, below)} below it`;
    if (found !== "present")
      return found.state === "absent" ? `${called} is missing` : `${called} was changed: ${found.reason}`;
    parent = below.parent;
  }
  return undefined;
}

function layerName(digest: string, record?: ImageRecord): string {
  const short = shortDigest(digest);
  return record?.name === undefined ? short : `${record.name} (${short})`;
}

/** The part of a digest that people tell images apart by. */
export function shortDigest(digest: string): string {
  return bareDigest(digest).slice(0, 12);
}

export type Verification =
  | { readonly state: "whole"; readonly record: ImageRecord }
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly reason: string };

/**
 * Reads every byte of one disk; {@link verifyChain} does it of the layers below, too. With `mend`, a file whose bytes
 * are right but whose time or inode are not (a store that was copied) is recorded anew.
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
  const { damaged, ...sound } = record;
  const mended: ImageRecord = { ...sound, size: file.size, mtime: file.mtimeMs, inode: file.inode };
  const differs = record.mtime !== mended.mtime || record.inode !== mended.inode || damaged !== undefined;
  if (options.mend && differs) await writeRecord(effects, home, mended);
  return { state: "whole", record: mended };
}

/** As {@link verifyStored}, of an image and every layer below it. The first that is not whole is the reason. */
export async function verifyChain(
  effects: Effects,
  home: Home,
  digest: string,
  options: { mend: boolean; context?: Pick<CallContext, "signal" | "progress"> },
): Promise<Verification> {
  const top = await verifyStored(effects, home, digest, options);
  if (top.state !== "whole") return top;
  let { parent } = top.record;
  for (let depth = 1; parent !== undefined; depth += 1) {
    if (depth > MOST_LAYERS) return { state: "damaged", reason: `it has more than ${MOST_LAYERS} layers` };
    const below: Verification = await verifyStored(effects, home, parent, options);
    if (below.state !== "whole") {
      const what = below.state === "absent" ? "is missing" : `is damaged: ${below.reason}`;
      return { state: "damaged", reason: `the layer ${layerName(parent)} below it ${what}` };
    }
    parent = below.record.parent;
  }
  return top;
}

/** Notes that a further key leads to an image. */
export async function addKey(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
  key: string,
): Promise<ImageRecord> {
  return addKeys(effects, home, record, [key]);
}

async function addKeys(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
  keys: readonly string[],
): Promise<ImageRecord> {
  if (keys.every((key) => record.keys.includes(key))) return record;
  const extended = { ...record, keys: [...new Set([...record.keys, ...keys])] };
  await writeRecord(effects, home, extended);
  return extended;
}

/** Gives an image another name. */
export async function renameImage(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
  name: string,
): Promise<ImageRecord> {
  if (record.name === name) return record;
  const renamed = { ...record, name };
  await writeRecord(effects, home, renamed);
  return renamed;
}

/** Replaces the record of an image that is in the store. */
export async function writeRecord(
  effects: Pick<Effects, "files">,
  home: Home,
  record: ImageRecord,
): Promise<void> {
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
  const { clock } = effects;
  return admit(effects, home, {
    ...{ folder, digest, keys: [key], context },
    recordOf: (file) => imageRecord(facts, { digest, key, file, now: clock.now() }),
  });
}

/** As {@link admitImage}, for an image that has a record already: from an archive, or one that was mislaid. */
export async function admitRecorded(
  effects: Effects,
  home: Home,
  options: { folder: string; record: ImageRecord; context: Pick<CallContext, "signal" | "progress"> },
): Promise<ImageRecord> {
  const { damaged: _, ...record } = options.record;
  return admit(effects, home, {
    ...{ folder: options.folder, digest: record.digest, keys: record.keys, context: options.context },
    recordOf: (file) => ({ ...record, size: file.size, mtime: file.mtimeMs, inode: file.inode }),
  });
}

async function admit(
  effects: Effects,
  home: Home,
  options: {
    readonly folder: string;
    readonly digest: string;
    readonly keys: readonly string[];
    readonly context: Pick<CallContext, "signal" | "progress">;
    readonly recordOf: (file: FileStat) => ImageRecord;
  },
): Promise<ImageRecord> {
  const { folder, digest, keys, context } = options;
  if ((await observeImage(effects, home, digest)).state !== "absent") {
    const there = await verifyStored(effects, home, digest, { mend: true, context });
    if (there.state === "whole") return addKeys(effects, home, there.record, keys);
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
  const record = options.recordOf(file);
  await effects.files.write(join(folder, RECORD), formatRecord(record));
  try {
    await effects.files.rename(folder, target);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes(systemErrorCode(error) ?? "")) throw error;
    // Somebody else brought the same bytes in this very moment.
    return admit(effects, home, options);
  }
  return record;
}

/** Where an image is made ready for {@link admitImage}. */
export function preparedDisk(folder: string): string {
  return join(folder, DISK);
}
