/** Writing of big files so that zeros take no room on the disk. */
import type { FileHandle } from "node:fs/promises";

/** Runs of zeros of this length are skipped; a multiple of every usual file system block. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/** Writes at `position`, leaving out runs of zeros. Whoever calls it last sets the length: the file may end in a hole. */
export async function writeWithoutZeros(target: FileHandle, chunk: Buffer, position: number): Promise<void> {
  let start = 0;
  while (start < chunk.length) {
    if (isZero(chunk, start)) {
      start += HOLE_BYTES;
      continue;
    }
    let end = start + HOLE_BYTES;
    while (end < chunk.length && !isZero(chunk, end)) end += HOLE_BYTES;
    await writeAll(target, chunk.subarray(start, Math.min(end, chunk.length)), position + start);
    start = end;
  }
}

function isZero(chunk: Buffer, start: number): boolean {
  const part = chunk.subarray(start, start + HOLE_BYTES);
  return part.equals(part.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, part.length));
}

async function writeAll(target: FileHandle, data: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < data.length) {
    const { bytesWritten } = await target.write(data, written, data.length - written, position + written);
    written += bytesWritten;
  }
}
