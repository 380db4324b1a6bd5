import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Writes a stream to a file that appears whole; see {@link Files.receive}. */
export async function receive(
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: { mode: number; signal?: AbortSignal },
): Promise<void> {
  const { mode, signal } = options;
  // The name of the file itself may already be as long as the system allows.
  const temporary = join(
    dirname(path),
    `.${basename(path).slice(0, 50)}.${randomBytes(4).toString("hex")}.tmp`,
  );
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      for await (const chunk of body) {
        signal?.throwIfAborted();
        await handle.writeFile(chunk);
      }
      await handle.chmod(mode);
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
