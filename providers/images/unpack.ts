/** Decompression of a downloaded or copied file. */
import { createGunzip } from "node:zlib";
import { streamResponse } from "../../engine/archive/stream-response.ts";
import { errorText, fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { CallContext } from "../provider.ts";
import type { Compression } from "./disk-format.ts";

const CHUNK_BYTES = 1024 * 1024;
/** Debian's packages of the programs. */
const PACKAGES = { xz: "xz-utils", zst: "zstd" } as const;

/** Decompresses `from` (which is named `….xz`, `….gz` or `….zst`) into the new file `to`. */
export async function unpack(
  effects: Effects,
  from: string,
  to: string,
  by: Compression,
  options: { address: string; shown: string; context: CallContext },
): Promise<void> {
  const { address, shown, context } = options;
  context.progress("decompressing");
  try {
    if (by === "gz") await gunzip(effects, from, to, context);
    else await runUnpacker(effects, from, to, by, options);
  } catch (error) {
    if (context.signal.aborted || isDiagnosticsError(error)) throw error;
    const code = (error as { code?: unknown }).code;
    if (typeof code !== "string" || !code.startsWith("Z_")) throw error;
    damaged(address, shown, errorText(error), error);
  }
}

async function runUnpacker(
  effects: Effects,
  from: string,
  to: string,
  by: "xz" | "zst",
  options: { address: string; shown: string; context: CallContext },
): Promise<void> {
  const { address, shown, context } = options;
  const program = by === "xz" ? "xz" : "zstd";
  if ((await effects.processes.which(program)) === undefined) {
    fail({
      code: "host/missing-programs",
      summary: `${shown} is compressed with ${program}, which is not installed`,
      hint: `Install the package: apt-get install ${PACKAGES[by]}`,
      address,
    });
  }
  // Both write long runs of zeros as holes. xz names its output after its input.
  const args =
    by === "xz"
      ? ["--decompress", "--keep", "--threads=0", from]
      : ["--decompress", "--quiet", "-o", to, from];
  const result = await effects.processes.run(program, args, { signal: context.signal, ownGroup: true });
  if (result.code !== 0) damaged(address, shown, result.stderr.trim());
  if (by === "xz") await effects.files.rename(from.replace(/\.xz$/, ""), to);
}

async function gunzip(effects: Effects, from: string, to: string, context: CallContext): Promise<void> {
  const total = (await effects.files.stat(from))?.size ?? 0;
  const stream = createGunzip();
  const source = (async () => {
    for (let position = 0; position < total; position += CHUNK_BYTES) {
      const part = await effects.files.readPart(from, position, CHUNK_BYTES);
      context.progress("decompressing", { unit: "bytes", done: position + part.length, total });
      if (!stream.write(part)) await drained(stream);
      if (stream.destroyed) return;
    }
    stream.end();
  })();
  source.catch((error: unknown) =>
    stream.destroy(error instanceof Error ? error : new Error(errorText(error))),
  );
  await effects.files.download(
    streamResponse(stream, () => stream.destroy()),
    to,
    { signal: context.signal },
  );
  await source;
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("drain", resolve);
    stream.once("close", resolve);
  });
}

function damaged(address: string, shown: string, detail: string, cause?: unknown): never {
  fail(
    {
      code: "image/damaged",
      summary: `${shown} cannot be decompressed`,
      detail,
      hint: "It is damaged or incomplete. A checksum in lab.toml tells which of the two ends is wrong.",
      address,
    },
    cause,
  );
}
