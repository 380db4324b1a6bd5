/** Entries as tar archives that every tar reads, busybox's too, and back. What a guest's tar says is not believed. */
import { fail, isDiagnosticsError } from "../../diagnostics.ts";
import { type CopyCall, type CopyEntry, type EntryPath, MODE_BITS } from "./entry.ts";

/** Bytes that a header has for a name. Longer ones go before it as GNU writes them: busybox does not read pax headers. */
const NAME_BYTES = 100;

/** The archive's bytes. Names begin with `prefix`; an entry with an empty path is left out where that is empty too. */
export async function* encodeTar(
  entries: AsyncIterable<CopyEntry>,
  prefix: EntryPath,
): AsyncGenerator<Uint8Array> {
  const { createTarPacker } = await import("modern-tar");
  const { readable, controller } = createTarPacker();
  const add = (header: Parameters<typeof controller.add>[0]) => {
    const writer = controller.add({ mtime: new Date(0), ...header }).getWriter();
    // A reader that gave up is told by the write that fails.
    writer.closed.catch(() => undefined);
    return writer;
  };
  const addText = async (type: "gnu-long-name" | "gnu-long-link-name", text: string): Promise<void> => {
    const body = Buffer.from(`${text}\0`);
    const writer = add({ name: "././@LongLink", type, size: body.length, mode: 0o644 });
    await writer.write(body);
    await writer.close();
  };
  const feed = async (): Promise<void> => {
    for await (const entry of entries) {
      const name = [...prefix, ...entry.path].join("/");
      if (name === "") continue;
      const target =
        entry.kind === "link"
          ? entry.target
          : entry.kind === "twin"
            ? [...prefix, ...entry.of].join("/")
            : undefined;
      if (Buffer.byteLength(name) > NAME_BYTES) await addText("gnu-long-name", name);
      if (target !== undefined && Buffer.byteLength(target) > NAME_BYTES)
        await addText("gnu-long-link-name", target);
      const writer = add({
        name: cut(name),
        type: TYPES[entry.kind],
        size: entry.kind === "file" ? entry.size : 0,
        mode: "mode" in entry ? entry.mode : 0o777,
        ...(target === undefined ? {} : { linkname: cut(target) }),
      });
      if (entry.kind === "file") {
        for await (const chunk of entry.body) {
          await writer.ready;
          await writer.write(chunk);
        }
      }
      await writer.close();
    }
    controller.finalize();
  };
  const feeding = feed();
  feeding.catch((error: unknown) => controller.error(error));
  yield* readable;
  await feeding;
}

const TYPES = { file: "file", folder: "directory", link: "symlink", twin: "link" } as const;

function cut(text: string): string {
  if (Buffer.byteLength(text) <= NAME_BYTES) return text;
  // A character that the cut would split is left out.
  return Buffer.from(text)
    .subarray(0, NAME_BYTES)
    .toString("utf8")
    .replace(/\uFFFD+$/, "");
}

/** The entries of an archive that a guest made of one folder or one file. Fails on a name that leads out of it. */
export async function* decodeTar(
  bytes: AsyncIterable<Uint8Array>,
  vm: string,
  call: Pick<CopyCall, "moved" | "arrived" | "skipped">,
): AsyncGenerator<CopyEntry> {
  const { createTarDecoder } = await import("modern-tar");
  let single: string | undefined;
  let first = true;
  try {
    const members = ReadableStream.from<Uint8Array>(bytes).pipeThrough(createTarDecoder({ strict: true }));
    for await (const { header, body } of members) {
      // An archive of one file begins with it; of a folder, with the folder.
      if (first && header.type !== "directory") single = header.name;
      else if (single !== undefined) unsafe(vm, header.name, "One file was asked for.");
      first = false;
      const path = single === undefined ? safePath(vm, header.name) : [];
      const mode = (header.mode ?? 0o644) & MODE_BITS;
      switch (header.type) {
        case "directory":
          yield { kind: "folder", path, mode };
          break;
        case "file":
        case undefined:
          yield { kind: "file", path, mode, size: header.size, body: counted(body, call.moved) };
          call.arrived();
          break;
        case "symlink":
          yield { kind: "link", path, target: header.linkname ?? "" };
          break;
        case "link":
          yield { kind: "twin", path, of: safePath(vm, header.linkname ?? "") };
          call.arrived();
          break;
        default:
          call.skipped(`${header.name} (${header.type.replace("-", " ")})`);
      }
      await passOver(body);
    }
  } catch (error) {
    if (isDiagnosticsError(error) || !TAR_ERRORS.test(String((error as { message?: unknown }).message)))
      throw error;
    brokenOff(vm, error);
  }
  if (first) brokenOff(vm);
}

/** What modern-tar throws. */
const TAR_ERRORS = /^(Tar |TAR |Invalid tar|Invalid EOF|Too many global attributes)/;

async function* counted(
  body: AsyncIterable<Uint8Array>,
  moved: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    moved(chunk.length);
  }
}

/** What is left of a body, by reading: one that is cancelled stalls the decoder's next ones (modern-tar 0.8.6). */
async function passOver(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  while (!(await reader.read()).done);
}

function safePath(vm: string, name: string): EntryPath {
  if (name.startsWith("/")) unsafe(vm, name, "Its path is absolute.");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) unsafe(vm, name, "Its path leads out of what is copied.");
  if (parts.some((part) => part.includes("\0"))) unsafe(vm, name, "Its name has a null byte.");
  return parts;
}

/** For whatever a guest sent to get at other files. */
export function unsafe(vm: string, name: string, detail: string): never {
  fail({
    code: "cp/unsafe",
    address: `vm.${vm}`,
    summary: `${vm} sent a file that was not asked for: ${JSON.stringify(name)}`,
    detail: `${detail} It was not written, and nothing after it.`,
    hint: "A guest's own tar sends nothing like it: take care with what runs in this VM.",
  });
}

function brokenOff(vm: string, cause?: unknown): never {
  fail(
    {
      code: "cp/broken-off",
      address: `vm.${vm}`,
      summary: `what ${vm} sent ends too early`,
      detail: "Files that came before are whole; the rest is missing.",
      hint: `See whether it still runs ("vmlab list"), then copy again.`,
    },
    cause,
  );
}
