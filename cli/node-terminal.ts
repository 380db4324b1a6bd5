/** The terminal of this process. The only file that touches `process` beside the entry point. */
import { nodeScreen } from "./node-screen.ts";
import type { LiveArea, OutputStream, Terminal, TerminalSignal } from "./terminal.ts";

const SIGNALS: readonly TerminalSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export function nodeTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) quietBrokenPipe(stream);
  const restorers = new Set<() => void>();
  return {
    out: outputStream(process.stdout),
    error: outputStream(process.stderr),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    cwd: workingFolder(),
    ask,
    onSignal(listener) {
      const listeners = SIGNALS.map((signal) => [signal, () => listener(signal)] as const);
      for (const [signal, handle] of listeners) process.on(signal, handle);
      return () => {
        for (const [signal, handle] of listeners) process.off(signal, handle);
      };
    },
    every(ms, listener) {
      const timer = setInterval(listener, ms);
      timer.unref();
      return () => clearInterval(timer);
    },
    async liveArea() {
      if (!canDraw()) return undefined;
      const area = await updatingArea();
      const close = (): void => {
        restorers.delete(close);
        area.close();
      };
      restorers.add(close);
      return { ...area, close };
    },
    screen() {
      if (!canDraw()) return undefined;
      const screen = nodeScreen(process.stdout);
      const close = (): void => {
        restorers.delete(close);
        screen.close();
      };
      restorers.add(close);
      return { ...screen, close };
    },
    rawInput(onData) {
      const { stdin } = process;
      if (stdin.isTTY) stdin.setRawMode(true);
      stdin.on("data", onData);
      stdin.resume();
      const restore = (): void => {
        restorers.delete(restore);
        stdin.off("data", onData);
        if (stdin.isTTY) stdin.setRawMode(false);
        stdin.pause();
      };
      restorers.add(restore);
      return { restore };
    },
    async *input(signal) {
      const close = (): void => void process.stdin.destroy();
      signal.addEventListener("abort", close, { once: true });
      try {
        for await (const part of process.stdin) yield part as Buffer;
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener("abort", close);
      }
    },
    abandon(code) {
      for (const restore of [...restorers]) restore();
      process.exit(code);
    },
  };
}

function canDraw(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

/** What starts another vmlab like this one. A debugger stays with the first. */
export function ownProgram(): readonly string[] {
  const options = process.execArgv.filter((option) => !option.startsWith("--inspect"));
  return [process.execPath, ...options, ...process.argv.slice(1, 2)];
}

/** `vmlab list | head -1`: the reader has what it wanted, so that is no error. */
function quietBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY === true,
    get columns() {
      const asked = Number(process.env.COLUMNS);
      if (Number.isInteger(asked) && asked > 0) return asked;
      return stream.isTTY ? stream.columns || 80 : undefined;
    },
    get colour() {
      const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
      if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
      if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0";
      return stream.isTTY === true && TERM !== "dumb";
    },
  };
}

async function ask(question: string): Promise<string | undefined> {
  const { createInterface } = await import("node:readline");
  return new Promise((resolve) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const answer = (value: string | undefined): void => {
      resolve(value);
      reader.close();
    };
    reader.on("SIGINT", () => {
      process.stderr.write("\n");
      answer(undefined);
    });
    reader.on("close", () => resolve(undefined));
    reader.question(question, (text) => answer(text.trim()));
  });
}

async function updatingArea(): Promise<LiveArea> {
  const { createLogUpdate } = await import("log-update");
  const area = createLogUpdate(process.stdout);
  let height = 0;
  return {
    show: (lines) => {
      // Its patching of a frame is right only between frames of the same height.
      if (lines.length !== height) area.clear();
      height = lines.length;
      if (lines.length > 0) area(lines.join("\n"));
    },
    print: (text) => {
      area.clear();
      height = 0;
      process.stdout.write(text);
    },
    close: () => {
      area.clear();
      area.done();
    },
  };
}

/** A folder that was removed under the shell has no path any more: the shell still knows the one that it had. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env.PWD ?? "/";
  }
}
