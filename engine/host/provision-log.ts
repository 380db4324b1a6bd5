/**
 * What the steps of a VM's provisioning printed and how each ended, as NDJSON below VMLAB_HOME/logs, for each VM of each
 * lab. Secrets are taken out before anything is kept. A file that has grown to {@link ROTATE_BYTES} becomes the older
 * one, whose predecessor is dropped: the end is what people look for.
 */
import { join } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";

/** One line of the log. `time` is in milliseconds since the epoch. */
export type ProvisionEntry =
  /** `number` of `total`, counted from 1. `instance` is the machine's id. */
  | {
      readonly time: number;
      readonly type: "step";
      readonly instance: string;
      readonly step: string;
      readonly number: number;
      readonly total: number;
    }
  | { readonly time: number; readonly type: "output"; readonly line: string }
  /** `code` is the exit code; null when a signal or the deadline ended it, absent when nothing was run. */
  | {
      readonly time: number;
      readonly type: "end";
      readonly result: "done" | "failed" | "interrupted";
      readonly durationMs: number;
      readonly code?: number | null;
    };

export interface ProvisionLogPlaces {
  readonly current: string;
  readonly older: string;
}

export function provisionLogPlaces(home: Home, lineage: string, vm: string): ProvisionLogPlaces {
  const folder = logsOfLab(home, lineage);
  return { current: join(folder, `${vm}.ndjson`), older: join(folder, `${vm}.1.ndjson`) };
}

/** Everything that is kept of a lab; to be removed with it. */
export function logsOfLab(home: Home, lineage: string): string {
  return join(home.root, "logs", lineage);
}

const ROTATE_BYTES = 2 * 1024 ** 2;
/** Characters; more of a line is of no use to anybody. */
const LONGEST_LINE = 4096;
/** A step that prints faster than the disk takes it loses lines rather than memory. */
const MOST_WAITING = 10_000;
/** While a step runs, its output is written this often. */
const FLUSH_MS = 500;

export interface ProvisionLogOptions {
  readonly effects: Pick<Effects, "files" | "clock">;
  readonly places: ProvisionLogPlaces;
  readonly instance: string;
  /** Takes secret values out of a text. */
  readonly mask: (text: string) => string;
  /** Told once why nothing can be kept; the provisioning goes on. */
  readonly note: (text: string) => void;
}

export interface LoggedStep {
  readonly step: string;
  readonly number: number;
  readonly total: number;
}

/** What a step tells while it runs. */
export interface StepOutput {
  readonly output: (line: string) => void;
  readonly exited: (code: number | null) => void;
}

export class ProvisionLog {
  readonly #options: ProvisionLogOptions;
  #waiting: ProvisionEntry[] = [];
  #dropped = 0;
  #size: number | undefined;
  #flushedAt = 0;
  /** Writes, one after the other; never rejects. */
  #writes: Promise<void> = Promise.resolve();
  #busy = false;
  #broken = false;

  constructor(options: ProvisionLogOptions) {
    this.#options = options;
  }

  /** Runs one step. What it came to is in the file when this resolves or rejects. */
  async step(
    step: LoggedStep,
    signal: AbortSignal,
    work: (told: StepOutput) => Promise<void>,
  ): Promise<void> {
    const { clock } = this.#options.effects;
    const since = clock.now();
    let code: number | null | undefined;
    this.#add({ time: since, type: "step", instance: this.#options.instance, ...step });
    const end = async (result: "done" | "failed" | "interrupted"): Promise<void> => {
      const time = clock.now();
      const told = code === undefined ? {} : { code };
      this.#add({ time, type: "end", result, durationMs: time - since, ...told });
      await this.#flush();
    };
    try {
      await work({
        output: (line) => this.#output(line),
        exited: (ended) => {
          code = ended;
        },
      });
    } catch (error) {
      await end(signal.aborted ? "interrupted" : "failed");
      throw error;
    }
    await end("done");
  }

  #output(line: string): void {
    const { effects, mask } = this.#options;
    const time = effects.clock.now();
    // Masked before it is cut: a secret that is cut in two would not be found.
    const masked = mask(line);
    const cut = masked.length > LONGEST_LINE ? `${masked.slice(0, LONGEST_LINE)}…` : masked;
    this.#add({ time, type: "output", line: cut });
    if (!this.#busy && time - this.#flushedAt >= FLUSH_MS) void this.#flush();
  }

  #add(entry: ProvisionEntry): void {
    if (this.#broken) return;
    if (entry.type === "output" && this.#waiting.length >= MOST_WAITING) this.#dropped += 1;
    else this.#waiting.push(entry);
  }

  /** Resolves when everything so far is written. */
  #flush(): Promise<void> {
    this.#writes = this.#writes.then(async () => {
      this.#busy = true;
      try {
        await this.#write();
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        if (!this.#broken)
          this.#options.note(`the log of its provisioning cannot be kept (${systemErrorCode(error)})`);
        this.#broken = true;
      } finally {
        this.#busy = false;
      }
    });
    return this.#writes;
  }

  async #write(): Promise<void> {
    const { effects, places } = this.#options;
    const { files, clock } = effects;
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    this.#flushedAt = clock.now();
    if (this.#dropped > 0) {
      entries.push({ time: this.#flushedAt, type: "output", line: `(${this.#dropped} lines are left out)` });
      this.#dropped = 0;
    }
    if (this.#size === undefined) {
      await files.makeDir(join(places.current, ".."));
      this.#size = (await files.stat(places.current))?.size ?? 0;
    }
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    const bytes = Buffer.byteLength(text);
    if (this.#size > 0 && this.#size + bytes > ROTATE_BYTES) {
      await files.rename(places.current, places.older);
      this.#size = 0;
    }
    await files.append(places.current, text);
    this.#size += bytes;
  }
}
