import { constants, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { HttpResponse } from "../effects.ts";
import { syncFolder } from "./durable-file.ts";
import { writeWithoutZeros } from "./write-without-zeros.ts";

/**
 * Appends a response's body to `path`; zeros become holes. What came before an error or an abort stays in the file,
 * synced, so that the download can be resumed. `progress` receives the bytes of this call.
 */
export async function downloadTo(
  response: HttpResponse,
  path: string,
  options: { signal?: AbortSignal; progress?: (bytes: number) => void },
): Promise<void> {
  const { signal, progress } = options;
  // Ends a transfer that hangs between two chunks.
  const stop = (): void => void response.discard().catch(() => undefined);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const handle = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    const { size: before } = await handle.stat();
    let received = 0;
    try {
      for await (const chunk of response.body) {
        signal?.throwIfAborted();
        const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        await writeWithoutZeros(handle, data, before + received);
        received += chunk.length;
        progress?.(received);
      }
      signal?.throwIfAborted();
    } finally {
      await handle.truncate(before + received);
      await handle.sync();
      await handle.close();
    }
    await syncFolder(dirname(path));
  } catch (error) {
    await response.discard().catch(() => undefined);
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
