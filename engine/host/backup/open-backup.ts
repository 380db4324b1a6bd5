/** Opens a backup for reading: every file is compared with its checksum before anybody uses any. */
import { dirname, join } from "node:path";
import { damaged, memberText, openArchive, readArchive } from "../../archive/read-archive.ts";
import { streamResponse } from "../../archive/stream-response.ts";
import { nearestName } from "../../config/nearest-name.ts";
import { fail } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import type { BackupCall } from "./images.ts";
import { listBackups } from "./list-backups.ts";
import { type BackupManifest, MANIFEST, parseManifest } from "./manifest.ts";
import { backupFolder } from "./places.ts";

export interface OpenBackup {
  readonly manifest: BackupManifest;
  /** Holds every file of the manifest, verified. */
  readonly folder: string;
}

const MOST_MANIFEST_BYTES = 64 * 1024 * 1024;

/** `scratch` is an empty folder, for unpacking. */
export async function openBackup(
  effects: Effects,
  home: Home,
  from: { readonly name: string } | { readonly file: string },
  scratch: string,
  call: BackupCall,
): Promise<OpenBackup> {
  const shown = "name" in from ? `the backup ${from.name}` : from.file;
  const folder = "name" in from ? await folderOf(effects, home, from.name) : scratch;
  if ("file" in from) await unpack(effects, from.file, scratch, call);
  const text = await effects.files.readText(join(folder, MANIFEST)).catch(() => "");
  const manifest = parseManifest(text);
  if (typeof manifest === "string") return damaged(shown, manifest);
  await verify(effects, shown, folder, manifest, call);
  return { manifest, folder };
}

async function folderOf(effects: Effects, home: Home, name: string): Promise<string> {
  const folder = backupFolder(home, name);
  if ((await effects.files.stat(folder))?.kind === "folder") return folder;
  const names = (await listBackups(effects, home)).map((backup) => backup.name);
  const nearest = nearestName(name, names);
  return fail({
    code: "backup/unknown",
    summary: `there is no backup "${name}"`,
    hint:
      nearest === undefined
        ? '"vmlab backup list" lists all. A file is named with a path, such as ./lab.tar.'
        : `Did you mean "${nearest}"?`,
  });
}

/** Only what the manifest names is unpacked, each file once. */
async function unpack(effects: Effects, file: string, folder: string, call: BackupCall): Promise<void> {
  const { signal, progress } = call;
  progress("opening the archive");
  const opened = await openArchive(effects, file, folder, { signal });
  let wanted: Map<string, number> | undefined;
  let done = 0;
  let total = 0;
  await readArchive(
    effects,
    opened,
    file,
    async (member) => {
      if (wanted === undefined) {
        if (member.name !== MANIFEST) damaged(file, `It does not begin with ${MANIFEST}, as backups do.`);
        const text = await memberText(member, file, MOST_MANIFEST_BYTES);
        const manifest = parseManifest(text);
        if (typeof manifest === "string") return damaged(file, manifest);
        wanted = new Map(manifest.files.map(({ path, size }) => [path, size]));
        total = manifest.files.reduce((sum, { size }) => sum + size, 0);
        await effects.files.write(join(folder, MANIFEST), text);
        return "next";
      }
      const size = wanted.get(member.name);
      if (size === undefined) return "next";
      wanted.delete(member.name);
      if (size !== member.size) damaged(file, `${member.name} has ${member.size} bytes instead of ${size}.`);
      const target = join(folder, member.name);
      await effects.files.makeDir(dirname(target));
      await effects.files.download(streamResponse(member.body), target, {
        signal,
        progress: (bytes) => progress("reading the archive", { unit: "bytes", done: done + bytes, total }),
      });
      done += size;
      return "next";
    },
    signal,
  );
}

async function verify(
  effects: Effects,
  shown: string,
  folder: string,
  manifest: BackupManifest,
  { signal, progress }: BackupCall,
): Promise<void> {
  const total = manifest.files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const { path, sha256, size } of manifest.files) {
    const file = join(folder, path);
    if ((await effects.files.stat(file))?.kind !== "file") damaged(shown, `${path} is not in it.`);
    const actual = await effects.files.sha256(file, {
      signal,
      progress: (bytes) => progress("verifying the backup", { unit: "bytes", done: done + bytes, total }),
    });
    if (actual !== sha256) damaged(shown, `${path} has the SHA-256 ${actual} instead of ${sha256}.`);
    done += size;
  }
}
