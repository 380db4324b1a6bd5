/**
 * A connection to QEMU's machine protocol (QMP): one JSON object a line; a greeting, the negotiation of
 * capabilities, then commands with ids, answered in any order between events.
 */
import { errorText } from "../../engine/diagnostics.ts";
import type { Connection, Effects } from "../../engine/effects.ts";

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** QEMU answered a command with an error. */
class QmpError extends Error {
  override readonly name = "QmpError";
  readonly command: string;
  /** QEMU's class, such as `GenericError`. */
  readonly errorClass: string;

  constructor(command: string, errorClass: string, description: string) {
    super(`${command}: ${description}`);
    this.command = command;
    this.errorClass = errorClass;
  }
}

/** The connection could not be made, was lost, or did not answer in time. */
class QmpConnectionError extends Error {
  override readonly name = "QmpConnectionError";
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class QmpConnection {
  readonly #connection: Connection;
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #timeoutMs: number;
  #nextId = 1;
  #rest = "";
  #closed: Error | undefined;
  #greeted: ((error?: Error) => void) | undefined;

  private constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Connects and negotiates. QEMU serves one client of a socket at a time, others wait: hence connections are short,
   * and the deadline covers the wait for the greeting.
   */
  static async open(
    effects: Effects,
    path: string,
    options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<QmpConnection> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    const signal = options.signal;
    let connection: Connection;
    try {
      connection = await effects.network.connect(
        { path },
        { timeoutMs, ...(signal === undefined ? {} : { signal }) },
      );
    } catch (error) {
      signal?.throwIfAborted();
      throw new QmpConnectionError(`no connection to QEMU's monitor: ${errorText(error)}`, { cause: error });
    }
    const qmp = new QmpConnection(connection, timeoutMs);
    const greeting = qmp.#withDeadline<void>("greeting", timeoutMs, signal, (resolve, reject) => {
      qmp.#greeted = (error) => (error === undefined ? resolve() : reject(error));
    });
    connection.onData((data) => qmp.#receive(data));
    connection.onClose((error) => qmp.#end(error));
    try {
      await greeting;
      await qmp.execute("qmp_capabilities", {}, options);
    } catch (error) {
      qmp.close();
      throw error;
    }
    return qmp;
  }

  /** Runs a command and resolves with what it returns. Throws {@link QmpError} or {@link QmpConnectionError}. */
  async execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    if (this.#closed !== undefined) throw this.#closed;
    const id = `vmlab-${this.#nextId++}`;
    try {
      return await this.#withDeadline<unknown>(
        command,
        options.timeoutMs ?? this.#timeoutMs,
        options.signal,
        (resolve, reject) => {
          this.#waiting.set(id, { command, resolve, reject });
          this.#connection.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
        },
      );
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** Runs a command of the human monitor and resolves with its text. The text is all there is: errors are in it. */
  async monitor(command: string, options: { readonly signal?: AbortSignal } = {}): Promise<string> {
    const text = await this.execute("human-monitor-command", { "command-line": command }, options);
    return typeof text === "string" ? text : "";
  }

  /** Calls `listener` for every event from now on; the result removes it. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#connection.close();
    this.#end();
  }

  #receive(data: Buffer): void {
    // Lines are ASCII (QEMU escapes everything else), so a chunk never splits a character.
    const lines = (this.#rest + data.toString("latin1")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#message(line);
  }

  #message(line: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(line) as Record<string, unknown>;
    } catch {
      this.#end(new Error(`unreadable answer: ${line.slice(0, 200)}`));
      return;
    }
    if ("QMP" in message) {
      this.#greeted?.();
      this.#greeted = undefined;
    } else if (typeof message.event === "string") {
      const event = { event: message.event, data: (message.data ?? {}) as Record<string, unknown> };
      for (const listener of [...this.#listeners]) listener(event);
    } else if (typeof message.id === "string") {
      const waiting = this.#waiting.get(message.id);
      if (waiting === undefined) return;
      if ("error" in message) {
        const error = message.error as { class?: string; desc?: string };
        waiting.reject(
          new QmpError(waiting.command, error.class ?? "GenericError", error.desc ?? "no description"),
        );
      } else {
        waiting.resolve(message.return);
      }
    }
  }

  #end(cause?: Error): void {
    if (this.#closed !== undefined) return;
    const why = cause === undefined ? "" : `: ${cause.message}`;
    this.#closed = new QmpConnectionError(`QEMU's monitor closed the connection${why}`, { cause });
    this.#greeted?.(this.#closed);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closed);
  }

  #withDeadline<T>(
    what: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      const aborted = (): void => {
        done();
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        done();
        reject(new QmpConnectionError(`QEMU's monitor did not answer ${what} within ${timeoutMs} ms`));
      }, timeoutMs);
      signal?.addEventListener("abort", aborted);
      if (signal?.aborted === true) {
        aborted();
        return;
      }
      start(
        (value) => {
          done();
          resolve(value);
        },
        (error) => {
          done();
          reject(error);
        },
      );
    });
  }
}

/** Opens a connection, uses it, and closes it whatever happens. */
export async function withQmp<T>(
  effects: Effects,
  path: string,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
  use: (qmp: QmpConnection) => Promise<T>,
): Promise<T> {
  const qmp = await QmpConnection.open(effects, path, options);
  try {
    return await use(qmp);
  } finally {
    qmp.close();
  }
}
