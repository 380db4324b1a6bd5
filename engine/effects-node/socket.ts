import { createConnection, type Socket } from "node:net";
import type { Connection } from "../effects.ts";

/** Connects to a Unix socket or a TCP port. A deadline that passes is ETIMEDOUT. */
export function connectSocket(
  target: { path: string } | { host: string; port: number },
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Connection> {
  const { signal, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = createConnection(target);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      socket.off("error", refuse).off("connect", accept);
    };
    const refuse = (error: unknown): void => {
      settle();
      // The socket may still emit an error while it is torn down.
      socket.on("error", () => undefined).destroy();
      reject(error);
    };
    const accept = (): void => {
      settle();
      resolve(connectionOver(socket));
    };
    const stop = (): void => refuse(signal?.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => refuse(timeoutError(target, timeoutMs)), timeoutMs);
    signal?.addEventListener("abort", stop, { once: true });
    socket.once("error", refuse).once("connect", accept);
  });
}

function connectionOver(socket: Socket): Connection {
  let lastError: Error | undefined;
  let closed = false;
  socket.on("error", (error) => {
    lastError = error;
  });
  socket.once("close", () => {
    closed = true;
  });
  return {
    write: (data) => void socket.write(data),
    onData: (listener) => void socket.on("data", listener),
    onClose(listener) {
      if (closed) queueMicrotask(() => listener(lastError));
      else socket.once("close", () => listener(lastError));
    },
    // What was written still goes out.
    close: () => socket.destroySoon(),
  };
}

function timeoutError(target: { path: string } | { host: string; port: number }, timeoutMs: number): Error {
  const where = "path" in target ? target.path : `${target.host}:${target.port}`;
  return Object.assign(new Error(`no connection to ${where} within ${timeoutMs} ms`), { code: "ETIMEDOUT" });
}
