/** Copies big files so that holes stay holes. */
import { chmod, constants, copyFile, open, rename, rm } from "node:fs/promises";
import { systemErrorCode } from "../diagnostics.ts";
import { viaTemporary } from "./durable-file.ts";
import { writeWithoutZeros } from "./write-without-zeros.ts";

const CHUNK_BYTES = 1024 * 1024;

/** Copies through a temporary file: shared blocks where the file system can, else without writing zeros. */
export async function copySparse(
  from: string,
  to: string,
  options: { mode?: number; signal?: AbortSignal } = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  await viaTemporary(to, async (temporary) => {
    if (!(await shareBlocks(from, temporary))) await copyChunks(from, temporary, options.signal);
    const handle = await open(temporary, "r+");
    try {
      await handle.chmod(options.mode ?? 0o600);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, to);
  });
}

async function shareBlocks(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    // copyFile copies the mode, too, and 0444 could not be opened for the sync.
    await chmod(to, 0o600);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") throw error;
    await rm(to, { force: true });
    return false;
  }
}

async function copyChunks(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  const source = await open(from, "r");
  try {
    const target = await open(to, "wx", 0o600);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      let position = 0;
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, position);
        if (bytesRead === 0) break;
        await writeWithoutZeros(target, buffer.subarray(0, bytesRead), position);
        position += bytesRead;
      }
      // A file that ends in a hole gets its length here.
      await target.truncate(position);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
