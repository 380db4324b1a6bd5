/**
 * The log of commands: `VMLAB_HOME/log/vmlab.ndjson`, one JSON object a line, written by every vmlab of this host. Whatever
 * hinders it hinders no command. A file that has grown large becomes an older one, of which {@link OLDER} are kept.
 */
import { join } from "node:path";
import type { Effects, FileStat } from "../effects.ts";
import type { Home } from "../home.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { LockEffects } from "../state/lock.ts";

type LogEffects = LockEffects & Pick<Effects, "files">;

const ROTATE_BYTES = 4 * 1024 ** 2;
const OLDER = 3;

/** Appends lines; each is written in one piece, so that those of several processes do not mix. Never rejects. */
export async function appendToLog(effects: LogEffects, home: Home, lines: readonly object[]): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  const path = logFile(home);
  try {
    const stat = await effects.files.stat(path);
    if (stat === undefined) await effects.files.makeDir(logFolder(home));
    else if (stat.size + text.length > ROTATE_BYTES) await rotate(effects, home, stat);
    await effects.files.jot(path, text);
  } catch {
    // A full disk or a home that cannot be written has its say where it matters.
  }
}

/** Every line that is kept, oldest first; damaged ones are left out. */
export async function readLog(effects: Pick<Effects, "files">, home: Home): Promise<readonly JsonObject[]> {
  const paths = [
    ...Array.from({ length: OLDER }, (_, index) => olderFile(home, OLDER - index)),
    logFile(home),
  ];
  const texts = await Promise.all(paths.map((path) => effects.files.readText(path).catch(() => "")));
  return texts.flatMap((text) => text.split("\n").flatMap(parseLine));
}

/** Reads what is appended from the moment on at which it is made. */
export class LogFollower {
  readonly #files: Pick<Effects["files"], "stat" | "readPart">;
  readonly #home: Home;
  #begun = false;
  /** Undefined: there was no file at the last look. */
  #inode: number | undefined;
  #position = 0;
  #partial = "";

  constructor(effects: { readonly files: Pick<Effects["files"], "stat" | "readPart"> }, home: Home) {
    this.#files = effects.files;
    this.#home = home;
  }

  /** What came since the last call; nothing the first time. Of a file that is made later, everything. */
  async next(): Promise<readonly JsonObject[]> {
    const path = logFile(this.#home);
    const stat = await this.#files.stat(path);
    const first = !this.#begun;
    this.#begun = true;
    if (stat === undefined) return [];
    const lines: JsonObject[] = [];
    if (!first && stat.inode !== this.#inode) {
      // What was put aside has its rest before it.
      const older = olderFile(this.#home, 1);
      const rest = this.#inode === undefined ? undefined : await this.#files.stat(older);
      if (rest !== undefined && rest.inode === this.#inode) lines.push(...(await this.#read(older, rest)));
      this.#position = 0;
      this.#partial = "";
    }
    this.#inode = stat.inode;
    if (first) this.#position = stat.size;
    else lines.push(...(await this.#read(path, stat)));
    return lines;
  }

  async #read(path: string, { size }: FileStat): Promise<JsonObject[]> {
    if (size <= this.#position) return [];
    const bytes = await this.#files.readPart(path, this.#position, size - this.#position);
    this.#position += bytes.length;
    const lines = (this.#partial + bytes.toString("utf8")).split("\n");
    this.#partial = lines.pop() ?? "";
    return lines.flatMap(parseLine);
  }
}

export function logFile(home: Home): string {
  return join(logFolder(home), "vmlab.ndjson");
}

function logFolder(home: Home): string {
  return join(home.root, "log");
}

function olderFile(home: Home, number: number): string {
  return join(logFolder(home), `vmlab.${number}.ndjson`);
}

/** One at a time; who comes while another does it goes on with the file as it is. */
async function rotate(effects: LogEffects, home: Home, seen: FileStat): Promise<void> {
  const { withHostLock } = await import("./host-lock.ts");
  const { files } = effects;
  const turn = async (): Promise<void> => {
    const now = await files.stat(logFile(home));
    if (now === undefined || now.inode !== seen.inode) return;
    for (let number = OLDER; number > 0; number--) {
      const from = number === 1 ? logFile(home) : olderFile(home, number - 1);
      if ((await files.stat(from)) !== undefined) await files.rename(from, olderFile(home, number));
    }
  };
  await withHostLock(effects, home, "log", turn, { timeoutMs: 0 }).catch(() => undefined);
}

function parseLine(line: string): JsonObject[] {
  if (line === "") return [];
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? [value] : [];
  } catch {
    return [];
  }
}
