/** Makes a backup: a folder among the backups, or one archive file elsewhere. It appears when it is whole. */
import { dirname, join } from "node:path";
import { requireFormat, writeArchive } from "../../archive/write-archive.ts";
import { type Diagnostic, fail } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { formatSize } from "../../units.ts";
import type { BackupCall, BackupImages } from "./images.ts";
import { type BackupManifest, formatManifest, MANIFEST, newManifest } from "./manifest.ts";
import { type BackupPart, collectParts } from "./parts.ts";
import { backupFolder, withBackupScratch } from "./places.ts";

export interface CreateBackupOptions {
  /** Either the name of a folder among the backups, or the absolute path of an archive. */
  readonly to: { readonly name: string } | { readonly file: string };
  readonly disks: boolean;
  readonly tool: string;
  readonly call: BackupCall;
}

export interface CreatedBackup {
  readonly manifest: BackupManifest;
  /** The folder or the file, absolute. */
  readonly place: string;
  /** Bytes. */
  readonly size: number;
  readonly warnings: readonly Diagnostic[];
}

export async function createBackup(
  effects: Effects,
  home: Home,
  images: BackupImages,
  options: CreateBackupOptions,
): Promise<CreatedBackup> {
  const { to, disks, call } = options;
  const place = "name" in to ? backupFolder(home, to.name) : to.file;
  if ("file" in to) requireFormat(place);
  await refuseTaken(effects, place);
  return images.withParts({ disks, call }, async (ofImages) => {
    const collected = await collectParts(effects, home);
    const parts = [...collected.parts, ...ofImages];
    const manifest = newManifest({
      created: new Date(effects.clock.now()).toISOString(),
      tool: options.tool,
      hostName: effects.host.hostName(),
      home: home.root,
      disks,
      labs: collected.labs,
      files: parts.map(({ path, sha256, size }) => ({ path, sha256, size })),
    });
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    await requireRoom(effects, place, size);
    if ("name" in to) await writeFolder(effects, home, place, manifest, parts, call);
    else await writeFile(effects, place, manifest, parts, call);
    const written = "file" in to ? ((await effects.files.stat(place))?.size ?? size) : size;
    return { manifest, place, size: written, warnings: collected.warnings };
  });
}

/** Folders 0700, files 0600: states hold secrets. */
async function writeFolder(
  effects: Effects,
  home: Home,
  place: string,
  manifest: BackupManifest,
  parts: readonly BackupPart[],
  { signal, progress }: BackupCall,
): Promise<void> {
  await withBackupScratch(effects, home, async (folder) => {
    const total = manifest.files.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    for (const { path, size, content } of parts) {
      signal.throwIfAborted();
      progress("copying", { unit: "bytes", done, total });
      const target = join(folder, path);
      await effects.files.makeDir(dirname(target));
      if ("text" in content) await effects.files.write(target, content.text);
      else await effects.files.copy(content.file, target, { signal });
      done += size;
    }
    await effects.files.write(join(folder, MANIFEST), formatManifest(manifest));
    await refuseTaken(effects, place);
    await effects.files.rename(folder, place);
  });
}

async function writeFile(
  effects: Effects,
  place: string,
  manifest: BackupManifest,
  parts: readonly BackupPart[],
  { signal, progress }: BackupCall,
): Promise<void> {
  const text = formatManifest(manifest);
  const members = [
    { name: MANIFEST, size: Buffer.byteLength(text), content: { text } },
    ...parts.map(({ path, size, content }) => ({ name: path, size, content })),
  ];
  await writeArchive(effects, place, members, {
    signal,
    progress: (done, total) => progress("writing the archive", { unit: "bytes", done, total }),
  });
}

async function refuseTaken(effects: Effects, place: string): Promise<void> {
  if ((await effects.files.stat(place)) === undefined) return;
  fail({
    code: "backup/exists",
    summary: `${place} exists`,
    hint: "A backup is never replaced. Give it another name, or remove the old one.",
  });
}

async function requireRoom(effects: Effects, place: string, size: number): Promise<void> {
  const { free } = await effects.host.disk(dirname(place));
  if (free >= size || /\.(gz|tgz|zst|tzst)$/.test(place)) return;
  fail({
    code: "image/no-space",
    summary: "not enough disk space for the backup",
    detail: `It takes ${formatSize(size)}, and ${formatSize(free)} are free at ${dirname(place)}.`,
    hint: "Leave out --images, or write it to another disk with `--to FILE`.",
  });
}
