import { join } from "node:path";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { type BackupManifest, MANIFEST, parseManifest } from "./manifest.ts";
import { backupsFolder } from "./places.ts";

export interface ListedBackup {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Bytes. */
  readonly size: number;
  /** Or why it cannot be used, as a sentence. Its files are not read: a restore does that. */
  readonly manifest: BackupManifest | string;
}

/** The backups under VMLAB_HOME, newest first. */
export async function listBackups(
  effects: Pick<Effects, "files">,
  home: Home,
): Promise<readonly ListedBackup[]> {
  const found: ListedBackup[] = [];
  for (const name of await effects.files.list(backupsFolder(home))) {
    const folder = join(backupsFolder(home), name);
    if (name.startsWith(".") || (await effects.files.stat(folder))?.kind !== "folder") continue;
    const text = await effects.files.readText(join(folder, MANIFEST)).catch(() => undefined);
    const manifest = text === undefined ? `It has no ${MANIFEST}.` : parseManifest(text);
    const files = typeof manifest === "string" ? [] : manifest.files;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    found.push({ name, folder, size, manifest });
  }
  return found.sort((a, b) => (createdOf(a) < createdOf(b) ? 1 : -1));
}

function createdOf({ manifest }: ListedBackup): string {
  return typeof manifest === "string" ? "" : manifest.created;
}
