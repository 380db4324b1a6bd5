import { watch } from "node:fs";

/** Tells that something below a folder may have changed; see {@link Files.watch}. */
export function watchFolder(folder: string, listener: () => void, signal: AbortSignal): void {
  const watcher = watch(folder, { recursive: true, persistent: false, signal });
  watcher.on("change", listener);
  // No more watches (ENOSPC), or a folder that vanished while it was being looked at: whoever listens looks by itself too.
  watcher.on("error", () => undefined);
}
