/**
 * The user's side of the command line as a port: text out, keys and answers in, signals. Only `node-terminal.ts`
 * touches `process`; tests hand in a terminal of their own.
 */
export interface Terminal {
  /** Standard output: results. */
  readonly out: OutputStream;
  /** Standard error: diagnostics and questions. */
  readonly error: OutputStream;
  /** True when a person can answer: standard input and standard error are a terminal. */
  readonly interactive: boolean;
  /** The folder vmlab was started in. */
  readonly cwd: string;
  /** Asks on standard error and resolves with the trimmed answer; undefined when input ended or the user interrupted. */
  ask(question: string): Promise<string | undefined>;
  /** Calls `listener` for SIGINT, SIGTERM and SIGHUP until the returned function is called. */
  onSignal(listener: (signal: TerminalSignal) => void): () => void;
  /** Calls `listener` about every `ms` until the returned function is called. Keeps no process alive. */
  every(ms: number, listener: () => void): () => void;
  /** An area at the end of standard output that is drawn over and over; undefined when that is no terminal. */
  liveArea(): Promise<LiveArea | undefined>;
  /** The whole terminal, until it is closed; undefined when standard output is none. */
  screen(): Screen | undefined;
  /** Puts the keyboard into raw mode: every byte goes to `onData`. `restore` gives it back. */
  rawInput(onData: (data: Buffer) => void): { restore(): void };
  /** Standard input as it comes. An abort closes it for good, so that nobody waits for what is not needed any more. */
  input(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Ends the process at once, the terminal restored. For the third Ctrl-C. */
  abandon(code: number): void;
}

export type TerminalSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface OutputStream {
  write(text: string | Buffer): void;
  readonly isTTY: boolean;
  /** Width in characters: of the terminal, or what COLUMNS says; undefined (no limit) in a pipe without COLUMNS. */
  readonly columns: number | undefined;
  readonly colour: boolean;
  /** There when the stream takes JSON, one object a line: writes one, with the time. */
  readonly record?: (fields: object) => void;
}

export interface LiveArea {
  /** Replaces what the area shows. */
  show(lines: readonly string[]): void;
  /** Writes text above the area, to stay. */
  print(text: string): void;
  /** Empties the area and gives the cursor back. */
  close(): void;
}

/** Characters and lines. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface Screen {
  /** Shows the lines that `draw` gives for the size; it is asked again when the size changes. */
  show(draw: (size: ScreenSize) => readonly string[]): void;
  /** Brings back what was there before. */
  close(): void;
}
