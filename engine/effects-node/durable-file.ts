/** Files that appear whole and stay: what is renamed or linked into place has reached the disk before. */
import { randomBytes } from "node:crypto";
import { link, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";

/** Makes `path` hold exactly `data`: a crash leaves either the old file or the new one. */
export async function writeAtomically(path: string, data: string | Buffer, mode: number): Promise<void> {
  await viaTemporary(path, async (temporary) => {
    await writeSynced(temporary, data, mode);
    await rename(temporary, path);
  });
}

/** As {@link writeAtomically}, but fails with EEXIST when there is something at `path`. */
export async function createAtomically(path: string, data: string | Buffer, mode: number): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeSynced(temporary, data, mode);
    await placeExclusively(temporary, path, data, mode);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

/** Runs `make` with the name of a temporary file beside `path` that `make` renames into place. */
export async function viaTemporary(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await make(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Appends with one write and one fdatasync. A new file's name is made durable too. */
export async function appendDurably(path: string, data: string): Promise<void> {
  const { handle, isNew } = await openForAppend(path);
  try {
    await handle.writeFile(data);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  if (isNew) await syncFolder(dirname(path));
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems cannot sync a folder; there is no other way to ask them.
    if (systemErrorCode(error) !== "EINVAL" && systemErrorCode(error) !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}

/** Unlike rename, link refuses to replace: of two processes exactly one wins. */
async function placeExclusively(
  temporary: string,
  path: string,
  data: string | Buffer,
  mode: number,
): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(systemErrorCode(error) ?? "")) throw error;
    // A file system without hard links: still exclusive, but a crash can leave a part.
    await writeSynced(path, data, mode);
  }
}

async function writeSynced(path: string, data: string | Buffer, mode: number): Promise<void> {
  const handle = await open(path, "wx", mode);
  try {
    await handle.writeFile(data);
    // The mode given to open is cut by the umask.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function openForAppend(path: string) {
  try {
    return { handle: await open(path, "ax", 0o600), isNew: true };
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    return { handle: await open(path, "a", 0o600), isNew: false };
  }
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
}
