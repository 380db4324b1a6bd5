/**
 * vmlab.lock: what lab.toml leaves open of its images, pinned. A JSON file beside lab.toml, meant for git: sorted,
 * one line a value, so that it merges and its differences read well.
 */
import type { ImagePin } from "../../providers/provider.ts";
import { type Diagnostic, DiagnosticsError, errorText, problem, systemErrorCode } from "../diagnostics.ts";
import type { Files } from "../effects.ts";
import { isJsonObject } from "../json.ts";

/** Name of the lock file, beside lab.toml. */
export const LOCK_FILE = "vmlab.lock";
/** The version that this vmlab writes; newer ones are refused. */
export const LOCK_FILE_VERSION = 1;

export interface LockFile {
  readonly version: typeof LOCK_FILE_VERSION;
  /** Pins by address: `image.bookworm`, `role.docker`. In the file they stand in a table a type, by name. */
  readonly pins: Readonly<Record<string, ImagePin>>;
}

const EMPTY_LOCK_FILE: LockFile = { version: LOCK_FILE_VERSION, pins: {} };

/** Tables of the file, with the type that begins the addresses of what is in them. */
const TABLES = [
  { table: "images", type: "image" },
  { table: "roles", type: "role" },
] as const;

/** Reads the lock file; a lab without one has no pins. A damaged or newer file is refused with diagnostics. */
export async function readLockFile(files: Files, path: string): Promise<LockFile> {
  let text: string;
  try {
    text = await files.readText(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return EMPTY_LOCK_FILE;
    throw new DiagnosticsError(
      [
        problem({
          code: "config/lock-file-unreadable",
          summary: `${path} cannot be read`,
          detail: errorText(error),
        }),
      ],
      { cause: error },
    );
  }
  return parseLockFile(text, path);
}

/** Replaces the lock file in one step. It holds no secret and belongs in git, hence mode 0644. */
export async function writeLockFile(files: Files, path: string, lock: LockFile): Promise<void> {
  await files.write(path, formatLockFile(lock), { mode: 0o644 });
}

/** The file's text: names and keys sorted, two spaces, a trailing newline. The same pins give the same bytes. */
export function formatLockFile(lock: LockFile): string {
  const tables: Record<string, Record<string, unknown>> = { images: {} };
  for (const address of Object.keys(lock.pins).sort()) {
    const dot = address.indexOf(".");
    const table = TABLES.find(({ type }) => type === address.slice(0, dot))?.table ?? "images";
    const pin = Object.entries(lock.pins[address] ?? {}).filter(([, value]) => value !== undefined);
    const named: Record<string, unknown> = tables[table] ?? {};
    tables[table] = named;
    named[address.slice(dot + 1)] = Object.fromEntries(pin.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return `${JSON.stringify({ version: lock.version, ...tables }, undefined, 2)}\n`;
}

/** Reads the file's text. Throws DiagnosticsError with everything that is wrong with it. */
export function parseLockFile(text: string, path: string): LockFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const conflict = /^(<{7}|={7}|>{7})/m.test(text);
    throw damaged(path, [conflict ? "it holds the marks of a merge conflict" : errorText(error)], error);
  }
  if (!isJsonObject(data)) throw damaged(path, ["it is not a JSON object"]);
  if (typeof data.version === "number" && data.version > LOCK_FILE_VERSION) {
    throw new DiagnosticsError([
      problem({
        code: "config/lock-file-newer",
        summary: `${path} was written by a newer vmlab`,
        detail: `It has version ${data.version}; this vmlab reads version ${LOCK_FILE_VERSION}.`,
        hint: "Update vmlab, or restore the lock file that fits this one from git.",
      }),
    ]);
  }
  const faults: string[] = [];
  if (data.version !== LOCK_FILE_VERSION)
    faults.push(`version is ${JSON.stringify(data.version)} instead of 1`);
  for (const key of Object.keys(data)) {
    if (key !== "version" && TABLES.every(({ table }) => table !== key))
      faults.push(`the key ${JSON.stringify(key)} is unknown`);
  }
  const pins: Record<string, ImagePin> = {};
  for (const { table, type } of TABLES) {
    const named = data[table];
    if (!isJsonObject(named)) {
      if (named !== undefined || table === "images") faults.push(`${table} is not an object`);
      continue;
    }
    for (const [name, value] of Object.entries(named)) {
      const wrong = pinFaults(value);
      faults.push(...wrong.map((fault) => `${table}.${name}${fault}`));
      if (wrong.length === 0) pins[`${type}.${name}`] = value as unknown as ImagePin;
    }
  }
  if (faults.length > 0) throw damaged(path, faults);
  return { version: LOCK_FILE_VERSION, pins };
}

const PIN_FIELDS: Readonly<Record<keyof ImagePin, (value: unknown) => string | undefined>> = {
  source: (value) => (typeof value === "string" && value !== "" ? undefined : "is not a text"),
  checksum: (value) =>
    typeof value === "string" && /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(value)
      ? undefined
      : "is not sha256:HEX or sha512:HEX",
  digest: (value) =>
    typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? undefined : "is not 64 hex digits",
  size: countFault,
  recipe: countFault,
  catalogue: countFault,
  release: (value) => (typeof value === "string" ? undefined : "is not a text"),
};

function countFault(value: unknown): string | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? undefined
    : "is not a whole number";
}

function pinFaults(pin: unknown): string[] {
  if (!isJsonObject(pin)) return [" is not an object"];
  const faults = Object.keys(pin)
    .filter((key) => !Object.hasOwn(PIN_FIELDS, key))
    .map((key) => `.${key} is unknown`);
  for (const [key, fault] of Object.entries(PIN_FIELDS)) {
    const value = pin[key];
    if (value === undefined && key !== "source") continue;
    const wrong = fault(value);
    if (wrong !== undefined) faults.push(`.${key} ${wrong}`);
  }
  return faults;
}

function damaged(path: string, faults: readonly string[], cause?: unknown): DiagnosticsError {
  const diagnostic: Diagnostic = problem({
    code: "config/lock-file-damaged",
    summary: `${path} is damaged`,
    detail: faults.join("\n"),
    hint: "Restore it from git, or remove it: the next apply pins anew what lab.toml leaves open, which may take newer images.",
  });
  return new DiagnosticsError([diagnostic], { cause });
}
