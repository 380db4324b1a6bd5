import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file in one step, and only when its contents differ: a vmlab that runs meanwhile sees the old or the
 * new file, never half of one.
 *
 * @param {string} path
 * @param {string | Uint8Array} contents
 * @param {number} [mode]
 */
export async function writeIfChanged(path, contents, mode = 0o644) {
  const wanted = Buffer.from(contents);
  const present = await readFile(path).catch(() => undefined);
  if (!present?.equals(wanted)) {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, wanted);
    await rename(temporary, path);
  }
  await chmod(path, mode);
}
