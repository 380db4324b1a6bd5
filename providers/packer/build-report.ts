/** What is told of a build while it runs, and kept as its log. */
import { basename, join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext } from "../provider.ts";

/** Logs of failed builds that are kept. */
const KEPT_LOGS = 20;
const TAIL_LINES = 20;

/** A build as a row of stages: each is told as progress and is a heading in the log. */
export class BuildReport {
  readonly #context: Pick<CallContext, "progress" | "output">;
  readonly #stages: readonly string[];
  readonly #log: string[] = [];
  #stage = 0;
  /** What the guest printed in the present stage, as much of it as failures show. */
  #tail: string[] = [];

  constructor(context: Pick<CallContext, "progress" | "output">, stages: readonly string[]) {
    this.#context = context;
    this.#stages = stages;
  }

  /** `step 3 of 7: packages git`. */
  get stage(): string {
    return `step ${this.#stage + 1} of ${this.#stages.length}: ${this.#stages[this.#stage] ?? ""}`;
  }

  /** Begins the stage with this index. */
  begin(index: number): void {
    this.#stage = index;
    this.#log.push(`==> ${this.stage}`);
    this.#tail = [];
    this.#context.progress(this.stage, { unit: "steps", done: index, total: this.#stages.length });
  }

  /** What the present stage is doing. */
  detail(phase: string): void {
    this.#context.progress(`${this.stage}: ${phase}`, {
      unit: "steps",
      done: this.#stage,
      total: this.#stages.length,
    });
  }

  /** A line that the guest printed. */
  output(line: string): void {
    this.#log.push(line);
    this.#tail = [...this.#tail.slice(1 - TAIL_LINES), line];
    this.#context.output(line);
  }

  /** A line for the log only, such as Packer's own. */
  note(line: string): void {
    this.#log.push(line);
  }

  /** The last lines of output of the present stage. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  get text(): string {
    return `${this.#log.join("\n")}\n`;
  }
}

/** Keeps the log of a failed build beside those of earlier ones. Resolves with its path. */
export async function keepFailureLog(
  effects: Pick<Effects, "files" | "clock">,
  home: Home,
  address: string,
  text: string,
): Promise<string> {
  const folder = join(home.root, "logs", "builds");
  await effects.files.makeDir(folder);
  // Names that sort by time within an address, and are file names everywhere.
  const time = new Date(effects.clock.now()).toISOString().replaceAll(":", "").replace(".", "-");
  const path = join(folder, `${address}-${time}.log`);
  await effects.files.write(path, text);
  for (const old of await oldLogs(effects, folder)) await effects.files.remove(join(folder, old));
  return path;
}

/** All but the newest, by the time in their names. */
async function oldLogs(effects: Pick<Effects, "files">, folder: string): Promise<readonly string[]> {
  const time = (name: string): string => /-(\d{4}-\d\d-\d\dT\d{6}-\d{3}Z)\.log$/.exec(name)?.[1] ?? "";
  const logs = (await effects.files.list(folder)).filter((name) => basename(name, ".log") !== name);
  return logs.sort((a, b) => (time(a) < time(b) ? -1 : 1)).slice(0, -KEPT_LOGS);
}
