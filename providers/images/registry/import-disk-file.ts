/** A plain disk file (qcow2 or raw, also compressed) → an image of the store. */
import { basename } from "node:path";
import { fail, systemErrorCode } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { CallContext } from "../../provider.ts";
import type { Checksum } from "../checksum.ts";
import type { ImageRecord } from "../image-record.ts";
import { fileKey } from "../image-source.ts";
import { renameImage } from "../store.ts";
import { storeFile } from "../store-file.ts";
import { imageName } from "./image-name.ts";

/** `path` is absolute; the file stays as it is. Its key is that of its bytes, as for `path` in lab.toml. */
export async function importDiskFile(
  effects: Effects,
  home: Home,
  path: string,
  options: { name?: string; context: Pick<CallContext, "signal" | "progress"> },
): Promise<ImageRecord> {
  const context: CallContext = { ...options.context, output: () => undefined };
  const file = await effects.files.stat(path);
  if (file === undefined || file.kind !== "file") {
    fail({
      code: "image/file-not-found",
      summary: file === undefined ? `the image file ${path} does not exist` : `${path} is not a file`,
      hint: "Name an archive of `vmlab images export`, or a disk file.",
    });
  }
  context.progress("reading the file", { unit: "bytes", done: 0, total: file.size });
  const checksum: Checksum = { algorithm: "sha256", hex: await hash(effects, path, file.size, context) };
  const name = options.name ?? imageName({ source: basename(path) }, checksum.hex);
  const record = await storeFile(effects, home, {
    take: async (copy) => {
      const { free } = await effects.host.disk(home.images);
      if (file.allocated > free) noSpace(path);
      context.progress("copying", { unit: "bytes", done: 0, total: file.size });
      await effects.files.copy(path, copy, { signal: context.signal }).catch((error: unknown) => {
        if (systemErrorCode(error) === "ENOSPC") noSpace(path, error);
        throw error;
      });
      // The copy is what counts: the original may change at any time.
      if ((await hash(effects, copy, file.size, context)) !== checksum.hex) {
        fail({
          code: "image/changed-meanwhile",
          summary: `${path} changed while it was copied`,
          hint: "Import it when nothing writes to it: not the disk of a running machine.",
        });
      }
    },
    key: fileKey(checksum),
    address: `image.${name}`,
    shown: path,
    checksum,
    context,
    facts: { kind: "import", source: path, name },
  });
  return options.name === undefined ? record : renameImage(effects, home, record, options.name);
}

async function hash(effects: Effects, path: string, total: number, context: CallContext): Promise<string> {
  try {
    return await effects.files.sha256(path, {
      signal: context.signal,
      progress: (done) => context.progress("reading the file", { unit: "bytes", done, total }),
    });
  } catch (error) {
    if (systemErrorCode(error) !== "EACCES") throw error;
    return fail(
      { code: "image/file-unreadable", summary: `${path} cannot be read`, hint: "Check its permissions." },
      error,
    );
  }
}

function noSpace(path: string, cause?: unknown): never {
  fail(
    {
      code: "image/no-space",
      summary: `not enough disk space to copy ${path} into the store`,
      hint: "Free some space, for instance with `vmlab images prune` and `vmlab trash empty`.",
    },
    cause,
  );
}
