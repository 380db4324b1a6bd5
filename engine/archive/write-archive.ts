/** Writes files into one tar archive, streaming. The archive appears under its name when it is whole. */
import { Readable } from "node:stream";
import { fail, isDiagnosticsError, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { type ArchiveFormat, archiveFormat } from "./archive-format.ts";
import { streamResponse } from "./stream-response.ts";

export interface ArchiveMember {
  /** Path in the archive, with `/`, relative. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly content: { readonly text: string } | { readonly file: string };
}

export interface ArchiveCall {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the members so far. */
  readonly progress?: (done: number, total: number) => void;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * `path` is absolute and ends in `.tar`, `.tar.gz` or `.tar.zst`. What was there is replaced. A crash leaves at most
 * `PATH.part`, which the next call removes.
 */
export async function writeArchive(
  effects: Effects,
  path: string,
  members: readonly ArchiveMember[],
  call: ArchiveCall = {},
): Promise<void> {
  const format = requireFormat(path);
  const part = `${path}.part`;
  const packed = `${part}.zst`;
  try {
    await effects.files.remove(part);
    if (format === "tar.zst") await requireZstd(effects, path);
    await writePart(effects, part, members, format, call);
    if (format === "tar.zst") await compress(effects, part, packed, call.signal);
    await effects.files.rename(format === "tar.zst" ? packed : part, path);
  } catch (error) {
    if (isDiagnosticsError(error) || call.signal?.aborted === true) throw error;
    notWritten(path, error);
  } finally {
    await effects.files.remove(part).catch(() => undefined);
    await effects.files.remove(packed).catch(() => undefined);
  }
}

/** Refuses names from which nothing follows. */
export function requireFormat(path: string): ArchiveFormat {
  const format = archiveFormat(path);
  if (format !== undefined) return format;
  return fail({
    code: "host/archive-name",
    summary: `${path} is no name of an archive`,
    detail: "The name decides how it is packed.",
    hint: "End it in .tar, .tar.gz or .tar.zst.",
  });
}

async function writePart(
  effects: Effects,
  part: string,
  members: readonly ArchiveMember[],
  format: ArchiveFormat,
  { signal, progress }: ArchiveCall,
): Promise<void> {
  const { createTarPacker } = await import("modern-tar");
  const { readable, controller } = createTarPacker();
  const total = members.reduce((sum, member) => sum + member.size, 0);
  const feed = async (): Promise<void> => {
    let done = 0;
    const mtime = new Date(effects.clock.now());
    for (const { name, size, content } of members) {
      const writer = controller.add({ name, size, mtime, mode: 0o644, type: "file" }).getWriter();
      // A reader that gave up is told by the write that fails.
      writer.closed.catch(() => undefined);
      for await (const chunk of chunksOf(effects, content)) {
        signal?.throwIfAborted();
        await writer.ready;
        await writer.write(chunk);
        done += chunk.length;
        progress?.(done, total);
      }
      await writer.close();
    }
    controller.finalize();
  };
  const feeding = feed();
  feeding.catch((error: unknown) => controller.error(error));
  let body: AsyncIterable<Uint8Array> = readable;
  if (format === "tar.gz") {
    const { createGzip } = await import("node:zlib");
    const plain = Readable.from(readable);
    const gzip = createGzip();
    plain.on("error", (error) => gzip.destroy(error));
    body = plain.pipe(gzip);
  }
  await effects.files.download(streamResponse(body), part, signal === undefined ? {} : { signal });
  await feeding;
}

async function* chunksOf(
  effects: Pick<Effects, "files">,
  content: ArchiveMember["content"],
): AsyncGenerator<Uint8Array> {
  if ("text" in content) {
    yield Buffer.from(content.text);
    return;
  }
  for (let position = 0; ; position += CHUNK_BYTES) {
    const chunk = await effects.files.readPart(content.file, position, CHUNK_BYTES);
    if (chunk.length > 0) yield chunk;
    if (chunk.length < CHUNK_BYTES) return;
  }
}

/** The program that packs and unpacks `.tar.zst`. */
export async function requireZstd(effects: Pick<Effects, "processes">, path: string): Promise<void> {
  if ((await effects.processes.which("zstd")) !== undefined) return;
  fail({
    code: "host/missing-programs",
    summary: `packing or unpacking ${path} needs zstd, which is not installed`,
    hint: "Install the package: apt-get install zstd. A name that ends in .tar or .tar.gz needs no program.",
  });
}

async function compress(
  effects: Effects,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const args = ["--quiet", "--force", "--threads=0", "-o", to, from];
  const { code, stderr } = await effects.processes.run("zstd", args, {
    ownGroup: true,
    ...(signal === undefined ? {} : { signal }),
  });
  if (code !== 0) notWritten(to, new Error(stderr.trim()));
  await effects.files.chmod(to, 0o600);
}

function notWritten(path: string, error: unknown): never {
  const why: Readonly<Record<string, string>> = {
    ENOENT: "Its folder does not exist.",
    ENOTDIR: "What should be its folder is a file.",
    EACCES: "Its folder must not be written to.",
    EPERM: "Its folder must not be written to.",
    EROFS: "Its file system is read-only.",
    ENOSPC: "The disk is full.",
    EISDIR: "There is a folder of this name.",
  };
  const known = why[systemErrorCode(error) ?? ""];
  fail(
    {
      code: "host/archive-not-written",
      summary: `${path} cannot be written`,
      detail: known ?? (error instanceof Error ? error.message : String(error)),
      hint: "Nothing is left of it. Name a file in a folder that exists and has room.",
    },
    error,
  );
}
