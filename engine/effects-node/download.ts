import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { HttpResponse } from "../effects.ts";
import { syncFolder } from "./durable-file.ts";

/**
 * Appends a response's body to `path`. What came before an error or an abort stays in the file, synced, so that the
 * download can be resumed. `progress` receives the bytes of this call.
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
    const handle = await open(path, "a", 0o600);
    try {
      let received = 0;
      for await (const chunk of response.body) {
        signal?.throwIfAborted();
        await handle.writeFile(chunk);
        received += chunk.length;
        progress?.(received);
      }
      signal?.throwIfAborted();
    } finally {
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
