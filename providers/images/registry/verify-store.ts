/** Reads every byte of images and of the layers below them, says what is wrong, and mends what can be mended. */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { digestInPath, isStoreDisk, readBackingFile, relativeBacking } from "../qcow2-backing.ts";
import { imageDiskPath, imageFolder, observeImage, readRecord, shortDigest } from "../store.ts";
import { type MovedDisk, markDamaged, mendRecord, putBack } from "./mend.ts";
import { type ReadContext, readDisk, readStrays, type StrayDisk } from "./read-disks.ts";
import { type Registry, readRegistry } from "./read-registry.ts";
import { remedyFor } from "./remedy.ts";

export interface Checked {
  readonly digest: string;
  readonly name: string;
  readonly outcome: "whole" | "mended" | "mendable" | "damaged" | "missing" | "stray";
  /** What was found, and what was done about it. */
  readonly notes: readonly string[];
  /** What to do; for what is neither whole nor mended. */
  readonly remedy?: string;
}

export interface VerifyOptions {
  readonly repair: boolean;
  readonly context: ReadContext;
}

interface Target {
  readonly digest: string;
  readonly name: string;
  /** Who stands on it, where it has no folder of its own. */
  readonly wantedBy?: string;
}

/** `digests`: images to verify, with every layer below; undefined: the whole store. Lowest layers first. */
export async function verifyStore(
  effects: Effects,
  home: Home,
  digests: readonly string[] | undefined,
  options: VerifyOptions,
): Promise<readonly Checked[]> {
  const { repair, context } = options;
  const registry = await readRegistry(effects, home);
  const targets = targetsOf(registry, digests);
  const contents = new Map<string, string | undefined>();
  for (const { digest, name } of targets)
    contents.set(digest, await readDisk(effects, home, digest, name, context));

  const wrong = targets.filter(({ digest }) => contents.get(digest) !== digest);
  const strays = digests === undefined || wrong.length > 0 ? await readStrays(effects, home, context) : [];
  const sources = sourcesOf(home, contents, strays);
  const moved = wrong.flatMap(({ digest }): MovedDisk[] => {
    const path = sources.get(digest);
    return path === undefined ? [] : [{ digest, path }];
  });
  const mislaid = digests === undefined ? await mislaidIn(effects, strays, registry, targets) : [];
  if (repair) {
    const found = mislaid.map(({ sha256, path }) => ({ digest: sha256, path }));
    await putBack(effects, home, [...moved, ...found], context);
    await removeStrays(effects, home, strays, [...moved, ...found]);
  }
  const checked: Checked[] = [];
  for (const target of targets) {
    const from = sources.get(target.digest);
    const right = contents.get(target.digest) === target.digest;
    checked.push(
      right
        ? await checkRecord(effects, home, target, repair)
        : from !== undefined
          ? movedBack(target, home, from, repair)
          : await lost(effects, home, target, contents.get(target.digest), registry, repair),
    );
  }
  for (const { sha256, name } of mislaid) {
    checked.push({
      ...{ digest: sha256, name, outcome: repair ? "mended" : "stray" },
      notes: [
        repair
          ? `the folder ${name} holds a whole image: it is in its place now`
          : `the folder ${name} holds a whole image, which is not where it belongs`,
      ],
      ...(repair ? {} : { remedy: REPAIR }),
    });
  }
  return checked;
}

/**
 * Whole images that nobody missed, in folders of wrong names. What was put aside as damaged is one only if its bytes
 * are what its name says; a file that merely ends in .qcow2, or an overlay on some other file of this host, is none.
 */
async function mislaidIn(
  effects: Pick<Effects, "files">,
  strays: readonly StrayDisk[],
  { images }: Registry,
  targets: readonly Target[],
): Promise<readonly StrayDisk[]> {
  const known = new Set([...images, ...targets].map(({ digest }) => digest));
  const found = new Map<string, StrayDisk>();
  for (const stray of strays) {
    const { sha256, name, path } = stray;
    if (known.has(sha256) || (name.startsWith(".damaged-") && !name.includes(sha256))) continue;
    if (await isStoreDisk(effects, path)) found.set(sha256, stray);
  }
  return [...found.values()];
}

/** What the store puts beside a disk. */
const OWN_FILES = ["image.json", "build.log"] as const;

const REPAIR = '"vmlab images verify --repair" mends it.';

/** The chains, each layer once and before what stands on it, with layers that have no folder. */
function targetsOf({ images, users }: Registry, digests: readonly string[] | undefined): readonly Target[] {
  const chosen = digests === undefined ? images : images.filter(({ digest }) => digests.includes(digest));
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const targets = new Map<string, Target>();
  const want = (digest: string, wantedBy: string): void => {
    if (!byDigest.has(digest) && !targets.has(digest))
      targets.set(digest, { digest, name: shortDigest(digest), wantedBy });
  };
  for (const image of chosen) {
    for (const layer of image.layers) {
      const { digest, name, parent } = byDigest.get(layer) ?? image;
      if (parent !== undefined) want(parent, `image ${name}`);
      targets.set(digest, { digest, name });
    }
  }
  if (digests === undefined) {
    for (const [digest, list] of users.byDigest) {
      for (const user of list) if (user.kind === "vm") want(digest, `VM ${user.name}`);
    }
  }
  const depth = ({ digest }: Target): number => byDigest.get(digest)?.layers.length ?? 0;
  return [...targets.values()].sort((a, b) => depth(a) - depth(b) || (a.name < b.name ? -1 : 1));
}

/** Where the bytes of a digest lie, when not in their own place. */
function sourcesOf(
  home: Home,
  contents: ReadonlyMap<string, string | undefined>,
  strays: readonly StrayDisk[],
): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const [digest, actual] of contents)
    if (actual !== undefined && actual !== digest) sources.set(actual, imageDiskPath(home, digest));
  for (const { sha256, path } of strays) sources.set(sha256, path);
  return sources;
}

/** What was put back lies in its place by now: the second name of its bytes goes. What else lies there is not ours. */
async function removeStrays(
  effects: Effects,
  home: Home,
  strays: readonly StrayDisk[],
  moved: readonly MovedDisk[],
): Promise<void> {
  for (const { path, name } of strays) {
    if (!moved.some((disk) => disk.path === path)) continue;
    await effects.files.remove(path);
    const folder = join(home.images, name);
    if (path === folder) continue;
    for (const own of OWN_FILES) await effects.files.remove(join(folder, own));
    if ((await effects.files.list(folder)).length === 0) await effects.files.remove(folder);
  }
}

/** The bytes are right; is what is said about them? */
async function checkRecord(effects: Effects, home: Home, target: Target, repair: boolean): Promise<Checked> {
  const { digest, name } = target;
  const backing = await readBackingFile(effects, imageDiskPath(home, digest));
  const path = backing.kind === "file" ? backing.path : undefined;
  const parent = path === undefined ? undefined : digestInPath(path);
  if (path !== undefined && (parent === undefined || path !== relativeBacking(parent))) {
    return {
      ...{ digest, name, outcome: "damaged" },
      notes: [`its disk names ${path} as the layer below it, which no layer of a store does`],
      remedy: "Its bytes cannot be mended without making it another image. Build it or import it anew.",
    };
  }
  const notes = await recordFaults(effects, home, digest, parent);
  if (notes.length === 0) return { digest, name, outcome: "whole", notes };
  if (!repair) return { digest, name, outcome: "mendable", notes, remedy: REPAIR };
  await mendRecord(effects, home, digest);
  return { digest, name, outcome: "mended", notes: notes.map((note) => `${note}: written anew`) };
}

async function recordFaults(
  effects: Effects,
  home: Home,
  digest: string,
  parent: string | undefined,
): Promise<readonly string[]> {
  const record = await readRecord(effects, home, digest);
  if (record === undefined) return ["its image.json is missing or damaged"];
  const faults: string[] = [];
  if (record.parent !== parent) faults.push("its image.json names another layer below it than its disk does");
  if (record.damaged !== undefined) faults.push("its image.json says that it is damaged, and it is not");
  const file = await effects.files.stat(imageDiskPath(home, digest));
  const same = file?.size === record.size && file.mtimeMs === record.mtime && file.inode === record.inode;
  if (!same) faults.push("its file was copied or touched since it was recorded, and its bytes are right");
  return faults;
}

function movedBack({ digest, name }: Target, home: Home, from: string, repair: boolean): Checked {
  const where = from.startsWith(`${home.images}/`) ? from.slice(home.images.length + 1) : from;
  const note = `its bytes lie in ${where}`;
  return repair
    ? { digest, name, outcome: "mended", notes: [`${note}: put back in their place`] }
    : { digest, name, outcome: "mendable", notes: [note], remedy: REPAIR };
}

/** Nothing in the store has its bytes. */
async function lost(
  effects: Effects,
  home: Home,
  target: Target,
  actual: string | undefined,
  registry: Registry,
  repair: boolean,
): Promise<Checked> {
  const { digest, name, wantedBy } = target;
  const remedy = remedyFor(digest, registry.images);
  if (actual === undefined) {
    const gone =
      (await effects.files.stat(imageFolder(home, digest))) !== undefined ? "its disk is gone" : "it is gone";
    const needs = wantedBy === undefined ? gone : `${gone}, and ${wantedBy} stands on it`;
    return { digest, name, outcome: "missing", notes: [needs], remedy };
  }
  const reason = `its SHA-256 is ${actual}`;
  if (repair) await markDamaged(effects, home, digest, reason);
  const marked = repair && (await observeImage(effects, home, digest)).state === "changed";
  return {
    ...{ digest, name, outcome: "damaged" },
    notes: [reason, ...(marked ? ["marked as damaged: nothing new is put on it"] : [])],
    remedy,
  };
}
