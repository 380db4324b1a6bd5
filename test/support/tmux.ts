/** A terminal with a size of its own, in which keys are pressed and whose screen is read. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface TmuxOptions {
  /** Of the terminal's own socket and of HOME. */
  readonly root: string;
  /** Where its shell or program starts. */
  readonly folder: string;
  readonly columns: number;
  readonly rows: number;
  /** Beside what the tests have themselves. */
  readonly env: Readonly<Record<string, string>>;
}

export class Tmux {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async installed(): Promise<boolean> {
    return await run("tmux", ["-V"]).then(
      () => true,
      () => false,
    );
  }

  /** Runs a program, an argument vector, in a new terminal. */
  static async open(program: readonly string[], options: TmuxOptions): Promise<Tmux> {
    const terminal = new Tmux(join(options.root, "tmux"));
    const env = Object.entries({ HOME: options.root, LC_ALL: "C.UTF-8", ...options.env });
    await terminal.#tmux(
      ...["new-session", "-d", "-x", `${options.columns}`, "-y", `${options.rows}`, "-c", options.folder],
      ...["env", ...env.map(([name, value]) => `${name}=${value}`), ...program],
    );
    return terminal;
  }

  /** Presses keys by tmux's names of them, such as `Enter` and `C-u`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  async screen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-J");
  }

  /** Waits until the screen shows what is expected, and resolves with all of it. */
  async seen(what: RegExp, timeoutMs = 60_000): Promise<string> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const screen = await this.screen();
      if (what.test(screen)) return screen;
      if (Date.now() > until) throw new Error(`${what} does not come:\n${screen}`);
      await pause(50);
    }
  }

  /** Ends the terminal and what runs in it. */
  async close(): Promise<void> {
    await this.#tmux("kill-server").catch(() => undefined);
  }

  async #tmux(...args: string[]): Promise<string> {
    return (await run("tmux", ["-f", "/dev/null", "-S", this.#socket, ...args])).stdout;
  }
}
