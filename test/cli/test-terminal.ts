/** A terminal for tests: what is written is kept, answers are given beforehand, signals are sent by hand. */
import type { LiveArea, OutputStream, Screen, Terminal, TerminalSignal } from "../../cli/terminal.ts";

export interface TestTerminalOptions {
  readonly cwd: string;
  /** Answers to questions, in order; undefined ends the input. Present: a person is there. */
  readonly answers?: readonly (string | undefined)[];
  readonly columns?: number;
  readonly isTTY?: boolean;
  readonly input?: string;
}

export class TestTerminal implements Terminal {
  readonly cwd: string;
  readonly out: OutputStream;
  readonly error: OutputStream;
  readonly interactive: boolean;
  readonly questions: string[] = [];
  stdout = "";
  stderr = "";
  readonly #answers: (string | undefined)[];
  readonly #input: string | undefined;
  readonly #listeners = new Set<(signal: TerminalSignal) => void>();

  constructor(options: TestTerminalOptions) {
    this.cwd = options.cwd;
    this.interactive = options.answers !== undefined;
    this.#answers = [...(options.answers ?? [])];
    this.#input = options.input;
    const stream = (write: (text: string | Buffer) => void): OutputStream => ({
      write,
      isTTY: options.isTTY === true,
      columns: options.columns,
      colour: false,
    });
    this.out = stream((text) => {
      this.stdout += text.toString();
    });
    this.error = stream((text) => {
      this.stderr += text.toString();
    });
  }

  async ask(question: string): Promise<string | undefined> {
    this.questions.push(question);
    return this.#answers.shift();
  }

  onSignal(listener: (signal: TerminalSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As if the user had pressed Ctrl-C. */
  interrupt(signal: TerminalSignal = "SIGINT"): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }

  every(): () => void {
    return () => undefined;
  }

  async liveArea(): Promise<LiveArea | undefined> {
    return undefined;
  }

  screen(): Screen | undefined {
    return undefined;
  }

  rawInput(_onData: (data: Buffer) => void): { restore(): void } {
    return { restore: () => undefined };
  }

  async *input(): AsyncIterable<Uint8Array> {
    if (this.#input !== undefined) yield Buffer.from(this.#input);
  }

  abandon(): void {
    this.stderr += "abandoned\n";
  }
}
