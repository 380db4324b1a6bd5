/** An archive made by export → the store: the same images, with the same digests. */
import { join } from "node:path";
import { damaged, memberText, openArchive, readArchive } from "../../../engine/archive/read-archive.ts";
import { streamResponse } from "../../../engine/archive/stream-response.ts";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { formatSize } from "../../../engine/units.ts";
import type { CallContext } from "../../provider.ts";
import type { ImageRecord } from "../image-record.ts";
import { notInArchive } from "../obtain-archive.ts";
import { admitRecorded, imageFolder, observeImage, preparedDisk, readRecord, renameImage } from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import { type ArchiveManifest, diskMember, MANIFEST, parseManifest } from "./archive-manifest.ts";
import { checkLayer } from "./check-layer.ts";

export type ImportContext = Pick<CallContext, "signal" | "progress">;

export interface Imported {
  /** The image that was asked for. */
  readonly record: ImageRecord;
  /** Digests that entered the store, lowest first; without those that were there. */
  readonly added: readonly string[];
  readonly present: readonly string[];
}

export interface ImportOptions {
  /** What the image is to be called. */
  readonly name?: string;
  /** Digest without which nothing of the archive is taken. */
  readonly wanted?: string;
  /** What the user calls the archive; default: its path. */
  readonly shown?: string;
  readonly context: ImportContext;
}

/** A manifest has a few KiB a layer. */
const MOST_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * `path` is absolute. Nothing enters the store before the whole archive is read and verified; then its layers do, each
 * at one stroke, lowest first. Layers that are there are not read again. `name` becomes that of the image.
 */
export async function importArchive(
  effects: Effects,
  home: Home,
  path: string,
  options: ImportOptions,
): Promise<Imported> {
  const { context, shown = path, wanted } = options;
  return withWorkplace(effects, home, async ({ folder: scratch }) => {
    context.progress("opening the archive");
    const opened = await openArchive(effects, path, scratch, { signal: context.signal, shown });
    const manifest = await manifestOf(effects, opened, shown, context.signal);
    const digests = manifest.layers.map((layer) => layer.sha256);
    if (wanted !== undefined && !digests.includes(wanted)) notInArchive(shown, wanted, digests);
    // From here on nobody prunes a layer of it, be it there already or on its way in.
    return withWorkplace(
      effects,
      home,
      ({ folder }) => importLayers(effects, home, { opened, path: shown, manifest, folder, ...options }),
      undefined,
      digests,
    );
  });
}

async function importLayers(
  effects: Effects,
  home: Home,
  call: {
    readonly opened: string;
    readonly path: string;
    readonly manifest: ArchiveManifest;
    readonly folder: string;
    readonly name?: string;
    readonly context: ImportContext;
  },
): Promise<Imported> {
  const { path, manifest, folder, context } = call;
  const present: string[] = [];
  for (const { sha256: digest } of manifest.layers) {
    const found = await observeImage(effects, home, digest);
    if (found.state !== "present") continue;
    present.push(digest);
    // Layers above name it beside themselves, in the workplace as in the store.
    await effects.files.symlink(imageFolder(home, digest), join(folder, digest));
  }
  const missing = manifest.layers.filter(({ sha256: digest }) => !present.includes(digest));
  await requireRoom(effects, home, path, missing);
  await extract(effects, call, missing);
  for (const { record } of missing) {
    const disk = preparedDisk(join(folder, record.digest));
    await checkLayer(effects, disk, record, { shown: path, context });
  }
  for (const { record } of missing)
    await admitRecorded(effects, home, { folder: join(folder, record.digest), record, context });
  const stored = await readRecord(effects, home, manifest.image);
  if (stored === undefined) throw new Error(`${manifest.image} is not in the store after its import`);
  const record = call.name === undefined ? stored : await renameImage(effects, home, stored, call.name);
  return { record, added: missing.map(({ sha256: digest }) => digest), present };
}

async function manifestOf(
  effects: Effects,
  opened: string,
  shown: string,
  signal: AbortSignal,
): Promise<ArchiveManifest> {
  let found: ArchiveManifest | string =
    `It does not begin with ${MANIFEST}, as archives of "vmlab images export" do.`;
  await readArchive(
    effects,
    opened,
    shown,
    async (member) => {
      if (member.name === MANIFEST)
        found = parseManifest(await memberText(member, shown, MOST_MANIFEST_BYTES));
      return "stop";
    },
    signal,
  );
  return typeof found === "string" ? damaged(shown, found) : found;
}

/** Writes the disks of the missing layers into the workplace, each in a folder named by its digest. */
async function extract(
  effects: Effects,
  call: { opened: string; path: string; folder: string; context: ImportContext },
  missing: ArchiveManifest["layers"],
): Promise<void> {
  const { path, folder, context } = call;
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const wanted = new Map(missing.map((layer) => [diskMember(layer.sha256), layer]));
  let done = 0;
  await readArchive(
    effects,
    call.opened,
    path,
    async (member) => {
      const layer = wanted.get(member.name);
      if (layer === undefined) return "next";
      wanted.delete(member.name);
      if (member.size !== layer.size)
        damaged(path, `${member.name} has ${member.size} bytes instead of ${layer.size}.`);
      const target = join(folder, layer.sha256);
      await effects.files.makeDir(target);
      await effects.files.download(streamResponse(member.body), preparedDisk(target), {
        signal: context.signal,
        progress: (bytes) =>
          context.progress("reading the archive", { unit: "bytes", done: done + bytes, total }),
      });
      done += layer.size;
      return wanted.size === 0 ? "stop" : "next";
    },
    context.signal,
  );
  const [lost] = wanted.keys();
  if (lost !== undefined) damaged(path, `${lost} is not in it.`);
}

async function requireRoom(
  effects: Effects,
  home: Home,
  path: string,
  missing: ArchiveManifest["layers"],
): Promise<void> {
  const needed = missing.reduce((sum, { size }) => sum + size, 0);
  const { free } = await effects.host.disk(home.images);
  if (free >= needed) return;
  fail({
    code: "image/no-space",
    summary: `not enough disk space to import ${path}`,
    detail: `Its layers take ${formatSize(needed)}, and ${formatSize(free)} are free.`,
    hint: "Free some space, for instance with `vmlab images prune` and `vmlab trash empty`.",
  });
}
