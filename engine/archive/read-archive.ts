/** Reads tar archives member by member, streaming. Nothing of an archive decides where anything is written. */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { errorText, fail, isDiagnosticsError, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { archiveFormatOf } from "./archive-format.ts";
import { requireZstd } from "./write-archive.ts";

export interface ReadMember {
  /** Relative, without `..`; checked. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** `stop` ends the reading. What is left of the member's body is passed over. */
export type MemberVisitor = (member: ReadMember) => Promise<"next" | "stop">;

const CHUNK_BYTES = 1024 * 1024;
const HEAD_BYTES = 512;

/**
 * A plain archive to read again and again. `scratch`: folder for unpacking one that is compressed with zstd; `shown`:
 * what the user calls the archive, its path unless given.
 */
export async function openArchive(
  effects: Effects,
  path: string,
  scratch: string,
  { signal, shown = path }: { readonly signal?: AbortSignal | undefined; readonly shown?: string } = {},
): Promise<string> {
  const format = archiveFormatOf(await headOf(effects, path));
  if (format === undefined) return damaged(shown, "It is no tar archive.");
  if (format !== "tar.zst") return path;
  await requireZstd(effects, shown);
  const plain = `${scratch}/archive.tar`;
  const args = ["--decompress", "--quiet", "--force", "-o", plain, "--", path];
  const { code, stderr } = await effects.processes.run("zstd", args, {
    ownGroup: true,
    ...(signal === undefined ? {} : { signal }),
  });
  if (/No space left|Disk quota exceeded/.test(stderr)) noSpace(shown, stderr.trim());
  if (code !== 0) damaged(shown, stderr.trim());
  return plain;
}

/** `opened` is what {@link openArchive} resolved with, `shown` what the user calls it. */
export async function readArchive(
  effects: Effects,
  opened: string,
  shown: string,
  visit: MemberVisitor,
  signal?: AbortSignal,
): Promise<void> {
  const { createTarDecoder } = await import("modern-tar");
  const format = archiveFormatOf(await headOf(effects, opened));
  const source = Readable.from(chunksOf(effects, opened, signal), { objectMode: false });
  const plain = format === "tar.gz" ? source.pipe(createGunzip()) : source;
  source.on("error", (error) => plain.destroy(error));
  try {
    const members = ReadableStream.from<Uint8Array>(plain).pipeThrough(createTarDecoder({ strict: true }));
    for await (const { header, body } of members) {
      signal?.throwIfAborted();
      if (header.type === "directory") {
        await passOver(body);
        continue;
      }
      refuseUnsafe(shown, header.name, header.type);
      const answer = await visit({ name: header.name, size: header.size, body });
      if (answer === "stop") return;
      await passOver(body);
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    const code = systemErrorCode(error);
    if (isDiagnosticsError(error) || (code !== undefined && !code.startsWith("Z_"))) throw error;
    damaged(shown, errorText(error), error);
  } finally {
    source.destroy();
    plain.destroy();
  }
}

/** By reading: a body that is cancelled stalls the decoder's next ones (modern-tar 0.8.6). */
async function passOver(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  while (!(await reader.read()).done);
}

/** The whole text of a member that must be small. */
export async function memberText(member: ReadMember, shown: string, mostBytes: number): Promise<string> {
  if (member.size > mostBytes) damaged(shown, `${member.name} has ${member.size} bytes, which is too much.`);
  const parts: Uint8Array[] = [];
  for await (const part of member.body) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

export function damaged(shown: string, detail: string, cause?: unknown): never {
  fail(
    {
      code: "host/archive-damaged",
      summary: `${shown} is not a whole archive`,
      detail,
      hint: "Nothing of it was used. Get the archive anew, or write it anew where it came from.",
    },
    cause,
  );
}

function noSpace(shown: string, detail: string): never {
  fail({
    code: "host/disk-full",
    summary: `not enough disk space to unpack ${shown}`,
    detail,
    hint: "Free some space, for instance with `vmlab images prune` and `vmlab trash empty`. Nothing of the archive was used.",
  });
}

function refuseUnsafe(shown: string, name: string, type: string | undefined): void {
  const outside = name.startsWith("/") || name.includes("\\") || name.split("/").includes("..");
  if (!outside && (type === undefined || type === "file")) return;
  fail({
    code: "host/archive-unsafe",
    summary: `${shown} has a member that no archive of vmlab has: ${JSON.stringify(name)}`,
    detail: outside ? "Its path leads outside of the archive." : `It is a ${type}, not a file.`,
    hint: "Nothing of it was used. Take archives from people whom you trust only.",
  });
}

async function headOf(effects: Pick<Effects, "files">, path: string): Promise<Buffer> {
  try {
    return await effects.files.readPart(path, 0, HEAD_BYTES);
  } catch (error) {
    const code = systemErrorCode(error);
    const what =
      code === "ENOENT"
        ? "does not exist"
        : code === "EISDIR"
          ? "is a folder"
          : code === "EACCES"
            ? "must not be read"
            : undefined;
    if (what === undefined) throw error;
    return fail({ code: "cli/no-file", summary: `${path} ${what}`, hint: "Check the path." }, error);
  }
}

async function* chunksOf(
  effects: Pick<Effects, "files">,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  for (let position = 0; ; position += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const chunk = await effects.files.readPart(path, position, CHUNK_BYTES);
    if (chunk.length > 0) yield chunk;
    if (chunk.length < CHUNK_BYTES) return;
  }
}
