/** What was planned is what is carried out: a file of the lab that changed since is not used. */
import { join } from "node:path";
import { fail, systemErrorCode } from "./diagnostics.ts";
import type { Effects } from "./effects.ts";
import { sha256 } from "./json.ts";

export interface PlannedFile {
  /** Of the resource that names it, for messages. */
  readonly address: string;
  /** Absolute path of the lab. */
  readonly folder: string;
  /** Relative to the lab. */
  readonly path: string;
  /** Digest of the bytes when planned; undefined: any. */
  readonly sha256: string | undefined;
}

export async function readUnchanged(effects: Pick<Effects, "files">, file: PlannedFile): Promise<Buffer> {
  const { address, path } = file;
  let bytes: Buffer;
  try {
    bytes = await effects.files.read(join(file.folder, path));
  } catch (error) {
    return fail(
      {
        code: "apply/file-unreadable",
        address,
        summary: `${path} cannot be read (${systemErrorCode(error) ?? "unknown error"})`,
        hint: "Put the file back, or plan again.",
      },
      error,
    );
  }
  if (file.sha256 === undefined || sha256(bytes) === file.sha256) return bytes;
  return fail({
    code: "apply/file-changed",
    address,
    summary: `${path} changed since the plan was made`,
    detail: "What would be carried out is not what was shown.",
    hint: "Plan again and apply that.",
  });
}
