/** The recorded serial console. */
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { VmFolder } from "./vm-folder.ts";

/** A log larger than this is put aside; one older is kept. */
const ROTATE_BYTES = 8 * 2 ** 20;
const TAIL_BYTES = 256 * 1024;

/** The last `lines` lines, from byte `offset` on (default: all that is kept). */
export async function consoleTail(
  effects: Effects,
  folder: VmFolder,
  lines: number,
  offset?: number,
): Promise<readonly string[]> {
  if (lines <= 0) return [];
  const size = (await effects.files.stat(folder.consoleLog))?.size ?? 0;
  const older = offset === undefined ? await endOf(effects, olderLog(folder), 0, TAIL_BYTES - size) : "";
  const text = plainText(older) + (await consoleText(effects, folder, offset ?? 0));
  return text === "" ? [] : text.replace(/\n$/, "").split("\n").slice(-lines);
}

/** The end of the log (at most 256 KiB) after byte `offset`, without what would move a terminal's cursor. */
export async function consoleText(effects: Effects, folder: VmFolder, offset: number): Promise<string> {
  const size = (await effects.files.stat(folder.consoleLog))?.size ?? 0;
  // A log that is shorter than it was has been cut since: all of it came later.
  return plainText(await endOf(effects, folder.consoleLog, offset > size ? 0 : offset, TAIL_BYTES));
}

/** At most so many of a file's last bytes, from byte `offset` on; nothing where there is no file. */
async function endOf(effects: Effects, path: string, offset: number, most: number): Promise<string> {
  if (most <= 0) return "";
  try {
    const size = (await effects.files.stat(path))?.size ?? 0;
    const from = Math.max(offset, size - most);
    return size <= from ? "" : (await effects.files.readPart(path, from, size - from)).toString("utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Text as lines, without escape sequences and other control characters. */
export function plainText(text: string): string {
  return text.replace(ESCAPES, "").replace(/\r+\n/g, "\n").replace(/\r/g, "\n").replace(CONTROLS, "");
}

/** CSI, OSC and two-character sequences of ECMA-48. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
const ESCAPES = /\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[@-Z\\^_c])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Puts a large log aside; to be called while the machine is off. Resolves with the log's length. */
export async function prepareConsoleLog(effects: Effects, folder: VmFolder): Promise<number> {
  const size = (await effects.files.stat(folder.consoleLog))?.size ?? 0;
  if (size <= ROTATE_BYTES) return size;
  await effects.files.rename(folder.consoleLog, olderLog(folder));
  return 0;
}

/**
 * Cuts a log that has grown large while QEMU holds it open: its end becomes the older one, and the file begins anew at its
 * start, as QEMU appends to it. What is written between the two steps is lost.
 */
export async function trimConsoleLog(effects: Pick<Effects, "files">, folder: VmFolder): Promise<void> {
  const { files } = effects;
  const size = (await files.stat(folder.consoleLog))?.size ?? 0;
  if (size <= ROTATE_BYTES) return;
  const end = await files.readPart(folder.consoleLog, size - ROTATE_BYTES, ROTATE_BYTES);
  // On a full disk the space is worth more.
  await files.write(olderLog(folder), end).catch(() => undefined);
  await files.truncate(folder.consoleLog, 0);
}

function olderLog(folder: VmFolder): string {
  return `${folder.consoleLog}.1`;
}
