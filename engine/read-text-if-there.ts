/** Reading of a file that may not be there. */
import { systemErrorCode } from "./diagnostics.ts";
import type { Files } from "./effects.ts";

/** Undefined when there is no such file; other errors are thrown. */
export async function readTextIfThere(
  files: Pick<Files, "readText">,
  path: string,
): Promise<string | undefined> {
  try {
    return await files.readText(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}
