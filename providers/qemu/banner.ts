/**
 * Waits for an SSH server behind a forwarded port. QEMU's user-mode network accepts every connect at once, so only
 * the server's own first line proves it.
 */
import type { Effects } from "../../engine/effects.ts";

/** How long a connection may stay silent: short, because one made before the server listens never answers. */
const SILENCE_MS = 2_000;

/** True when a server on the port says `SSH-` (RFC 4253, 4.2). */
export async function sshAnswers(
  effects: Effects,
  port: number,
  signal: AbortSignal,
  silenceMs = SILENCE_MS,
): Promise<boolean> {
  let connection: Awaited<ReturnType<Effects["network"]["connect"]>>;
  try {
    connection = await effects.network.connect({ host: "127.0.0.1", port }, { timeoutMs: silenceMs, signal });
  } catch {
    signal.throwIfAborted();
    return false;
  }
  try {
    return await new Promise<boolean>((resolve, reject) => {
      let text = "";
      const timer = setTimeout(() => done(() => resolve(false)), silenceMs);
      const aborted = (): void => done(() => reject(signal.reason as Error));
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        settle();
      };
      signal.addEventListener("abort", aborted);
      connection.onData((data) => {
        text += data.toString("latin1");
        // A server may send other lines before its identification.
        if (/^SSH-/m.test(text)) done(() => resolve(true));
      });
      connection.onClose(() => done(() => resolve(false)));
    });
  } finally {
    connection.close();
  }
}
