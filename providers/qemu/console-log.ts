/** The recorded serial console. */
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { VmFolder } from "./vm-folder.ts";

/** A log larger than this is put aside at the next start; one older is kept. */
const ROTATE_BYTES = 8 * 2 ** 20;
const TAIL_BYTES = 256 * 1024;

/** The last `lines` lines, from byte `offset` on (default: the whole log). */
export async function consoleTail(
  effects: Effects,
  folder: VmFolder,
  lines: number,
  offset = 0,
): Promise<readonly string[]> {
  if (lines <= 0) return [];
  const text = await consoleText(effects, folder, offset);
  return text === "" ? [] : text.replace(/\n$/, "").split("\n").slice(-lines);
}

/** The end of the log (at most 256 KiB) after byte `offset`, without what would move a terminal's cursor. */
export async function consoleText(effects: Effects, folder: VmFolder, offset: number): Promise<string> {
  try {
    const size = (await effects.files.stat(folder.consoleLog))?.size ?? 0;
    const from = Math.max(offset, size - TAIL_BYTES);
    if (size <= from) return "";
    return plainText((await effects.files.readPart(folder.consoleLog, from, size - from)).toString("utf8"));
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
  await effects.files.rename(folder.consoleLog, `${folder.consoleLog}.1`);
  return 0;
}
