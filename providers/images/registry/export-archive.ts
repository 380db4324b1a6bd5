/** An image with every layer below it → one file that another host can import. */
import { dirname } from "node:path";
import { writeArchive } from "../../../engine/archive/write-archive.ts";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { CallContext } from "../../provider.ts";
import { type ImageRecord, imageRecord } from "../image-record.ts";
import { fileKey } from "../image-source.ts";
import { layersOf } from "../layers.ts";
import { imageDiskPath, shortDigest, verifyChain } from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import { ARCHIVE_VERSION, diskMember, formatManifest, MANIFEST } from "./archive-manifest.ts";
import { imageName } from "./image-name.ts";

export type ExportContext = Pick<CallContext, "signal" | "progress">;

export interface Exported {
  /** Digest of the image in the archive: with `flatten` another than that of the image in the store. */
  readonly digest: string;
  readonly layers: number;
  /** Bytes of the archive. */
  readonly size: number;
}

/** `path` is absolute and ends in `.tar`, `.tar.gz` or `.tar.zst`. */
export async function exportArchive(
  effects: Effects,
  home: Home,
  digest: string,
  path: string,
  options: { flatten: boolean; context: ExportContext },
): Promise<Exported> {
  const { flatten, context } = options;
  // Nothing that is being read may be pruned.
  const layers = await layersOf(effects, home, digest);
  const uses = layers.map((layer) => layer.digest);
  const write = async (folder: string): Promise<Exported> => {
    // From here on it stays.
    await requireWhole(effects, home, digest, context);
    const parts = flatten
      ? [await flattened(effects, home, layers, folder, context)]
      : layers.map((record) => ({ record, disk: imageDiskPath(home, record.digest) }));
    await requireRoom(effects, path, parts);
    const top = parts.at(-1)?.record.digest ?? digest;
    const text = formatManifest({
      version: ARCHIVE_VERSION,
      image: top,
      layers: parts.map(({ record }) => ({ record, sha256: record.digest, size: record.size })),
    });
    const members = [
      { name: MANIFEST, size: Buffer.byteLength(text), content: { text } },
      ...parts.map(({ record, disk }) => ({
        ...{ name: diskMember(record.digest), size: record.size },
        content: { file: disk },
      })),
    ];
    await writeArchive(effects, path, members, {
      signal: context.signal,
      progress: (done, total) => context.progress("writing the archive", { unit: "bytes", done, total }),
    });
    return { digest: top, layers: parts.length, size: (await effects.files.stat(path))?.size ?? 0 };
  };
  return withWorkplace(effects, home, ({ folder }) => write(folder), undefined, uses);
}

/** Reads every byte: what is damaged would make an archive that no host takes, or, flattened, pass for whole. */
async function requireWhole(
  effects: Effects,
  home: Home,
  digest: string,
  context: ExportContext,
): Promise<void> {
  const found = await verifyChain(effects, home, digest, { mend: false, context });
  if (found.state === "whole") return;
  fail({
    code: "image/damaged",
    summary: `the image ${shortDigest(digest)} cannot be exported`,
    detail: found.state === "absent" ? "Its disk is not in the store." : `In the store, ${found.reason}.`,
    hint: `"vmlab images verify --repair ${shortDigest(digest)}" mends what can be mended.`,
  });
}

interface Part {
  readonly record: ImageRecord;
  readonly disk: string;
}

/** The layers as one disk that stands on nothing. Its bytes are others, so it is another image. */
async function flattened(
  effects: Effects,
  home: Home,
  layers: readonly ImageRecord[],
  folder: string,
  context: ExportContext,
): Promise<Part> {
  const top = layers.at(-1);
  if (top === undefined) throw new Error("an image that is there has a layer");
  context.progress("flattening the layers");
  const disk = `${folder}/disk.qcow2`;
  const source = imageDiskPath(home, top.digest);
  const result = await effects.processes.run(
    "qemu-img",
    ["convert", "-f", "qcow2", "-O", "qcow2", source, disk],
    { signal: context.signal, ownGroup: true },
  );
  if (result.code !== 0) {
    fail({
      code: "image/conversion-failed",
      summary: `the layers of ${imageName(top, top.digest)} could not be made into one disk`,
      detail: result.stderr.trim(),
    });
  }
  const digest = await effects.files.sha256(disk, {
    signal: context.signal,
    progress: (done) => context.progress("reading the disk", { unit: "bytes", done }),
  });
  const file = await effects.files.stat(disk);
  if (file === undefined) throw new Error(`${disk} vanished`);
  const { name = imageName(top, top.digest), use, os, user } = top;
  const facts = {
    kind: "export" as const,
    source: `flattened from ${top.digest}`,
    name,
    ...(use === undefined ? {} : { use }),
    ...(os === undefined ? {} : { os }),
    ...(user === undefined ? {} : { user }),
    steps: layers.flatMap((layer) => layer.steps ?? []),
    format: "qcow2",
    virtual_size: top.virtual_size,
  };
  const key = fileKey({ algorithm: "sha256", hex: digest });
  return { record: imageRecord(facts, { digest, key, file, now: effects.clock.now() }), disk };
}

async function requireRoom(effects: Effects, path: string, parts: readonly Part[]): Promise<void> {
  const needed = parts.reduce((sum, { record }) => sum + record.size, 0);
  const { free } = await effects.host.disk(dirname(path));
  // What is packed is smaller, nobody knows by how much: only what is sure not to fit is refused.
  if (free >= needed || !path.endsWith(".tar")) return;
  fail({
    code: "image/no-space",
    summary: `not enough disk space to write ${path}`,
    detail: `It takes ${needed} bytes, and ${free} are free there.`,
    hint: "Name a file on another disk, or end its name in .tar.zst to have it packed.",
  });
}
