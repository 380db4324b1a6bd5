/** What lies around that is no image: broken-off downloads, what a crash left, refused files, damaged images. */
import { join } from "node:path";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { readLock } from "../../../engine/state/lock.ts";
import { deadWorkplaces, recoverWorkplaces, workplaceFolder } from "../workplace.ts";

export interface Leftover {
  readonly what: "download" | "rejected file" | "damaged image" | "unfinished image";
  /** Of the file or folder. */
  readonly name: string;
  /** Absolute. */
  readonly paths: readonly string[];
  /** Bytes on the host's disk. */
  readonly bytes: number;
  /** Milliseconds since the epoch; undefined for what cannot be told. */
  readonly since: number | undefined;
}

const DOWNLOAD = /^([0-9a-f]{32})\.part$/;

export async function findLeftovers(effects: Effects, home: Home): Promise<readonly Leftover[]> {
  const { files } = effects;
  const found: Leftover[] = [];
  for (const name of await files.list(home.downloads)) {
    const [, id] = DOWNLOAD.exec(name) ?? [];
    if (id === undefined || (await isDownloading(effects, home, id))) continue;
    const paths = [join(home.downloads, name), join(home.downloads, `${id}.json`)];
    found.push({ what: "download", name: id, paths, ...(await sizeAndAge(effects, paths)) });
  }
  const rejected = join(home.downloads, "rejected");
  for (const name of await files.list(rejected)) {
    const paths = [join(rejected, name)];
    found.push({ what: "rejected file", name, paths, ...(await sizeAndAge(effects, paths)) });
  }
  for (const name of await files.list(home.images)) {
    if (!name.startsWith(".damaged-")) continue;
    const folder = join(home.images, name);
    // A rename leaves no time behind; the caller counts from when it was first seen.
    const bytes = await allocatedIn(effects, folder);
    found.push({ what: "damaged image", name, paths: [folder], bytes, since: undefined });
  }
  for (const { id, owner } of await deadWorkplaces(effects, home)) {
    // Machines may still run for a build: who builds images clears up after it.
    if (owner?.build !== undefined) continue;
    const folder = workplaceFolder(home, id);
    // Of no use to anybody: it is not kept for any time.
    found.push({
      what: "unfinished image",
      name: id,
      paths: [],
      bytes: await allocatedIn(effects, folder),
      since: 0,
    });
  }
  return found;
}

/** False when it is in use again. */
export async function removeLeftover(effects: Effects, home: Home, leftover: Leftover): Promise<boolean> {
  const remove = async (): Promise<void> => {
    for (const path of leftover.paths) await effects.files.remove(path);
  };
  if (leftover.what === "unfinished image") {
    await recoverWorkplaces(effects, home);
    return true;
  }
  if (leftover.what !== "download") {
    await remove();
    return true;
  }
  try {
    await withHostLock(effects, home, lockName(leftover.name), remove, {
      command: "images prune",
      timeoutMs: 0,
    });
    return true;
  } catch (error) {
    if (isDiagnosticsError(error) && error.diagnostics.some(({ code }) => code === "host/locked"))
      return false;
    throw error;
  }
}

async function isDownloading(effects: Effects, home: Home, id: string): Promise<boolean> {
  const lock = await readLock(effects, join(home.root, "locks", `${lockName(id)}.lock`)).catch(
    () => undefined,
  );
  return lock !== undefined && lock.alive !== false;
}

function lockName(id: string): string {
  return `image-download-${id}`;
}

async function allocatedIn(effects: Pick<Effects, "files">, path: string): Promise<number> {
  const found = await effects.files.stat(path);
  if (found?.kind !== "folder") return found?.allocated ?? 0;
  let bytes = 0;
  for (const name of await effects.files.list(path)) bytes += await allocatedIn(effects, join(path, name));
  return bytes;
}

async function sizeAndAge(
  effects: Effects,
  paths: readonly string[],
): Promise<{ bytes: number; since: number | undefined }> {
  let bytes = 0;
  let since: number | undefined;
  for (const path of paths) {
    const file = await effects.files.stat(path);
    if (file === undefined) continue;
    bytes += file.allocated;
    since = Math.max(since ?? 0, file.mtimeMs);
  }
  return { bytes, since };
}
