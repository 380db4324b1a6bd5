/** `vmlab images import`: an archive of `images export`, or a disk file, into the store. */
import { resolve } from "node:path";
import { archiveFormat, archiveFormatOf } from "../../engine/archive/archive-format.ts";
import { fail } from "../../engine/diagnostics.ts";
import { formatSize } from "../../engine/units.ts";
import type { CommandContext } from "../context.ts";
import { printable } from "../render/text-width.ts";
import { count } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";
import { withProgress } from "./with-progress.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const HEAD_BYTES = 512;

export async function importCommand(
  context: CommandContext,
  file: string,
  options: { name?: string; json?: boolean },
): Promise<number> {
  const { terminal } = context;
  const path = resolve(terminal.cwd, file);
  if (options.name !== undefined && !NAME.test(options.name)) {
    fail({
      code: "cli/usage",
      summary: `"${options.name}" is no name for an image`,
      hint: "Names have letters, digits, dots, hyphens and underscores, at most 63.",
    });
  }
  const registry = await openRegistry(context);
  const named = options.name === undefined ? {} : { name: options.name };
  const archive = await isArchive(context, path);
  const { record, added } = await withProgress(context, { json: options.json === true }, async (work) => {
    if (archive) return registry.importArchive(path, { ...named, context: work });
    const before = new Set((await registry.list()).map(({ digest }) => digest));
    const disk = await registry.importDisk(path, { ...named, context: work });
    return { record: disk, added: before.has(disk.digest) ? [] : [disk.digest] };
  });
  const image = await registry.show(record.digest);
  if (options.json === true) {
    terminal.out.write(
      `${JSON.stringify({ digest: record.digest, name: image.name, layers: image.layers, added }, null, 2)}\n`,
    );
    return 0;
  }
  const what = printable(image.name);
  const said =
    added.length === 0
      ? `${what} is in the store already.`
      : `${what} is in the store: ${count(added.length, "new layer")} of ${image.layers.length}, ${formatSize(image.allocated)} its own.`;
  terminal.out.write(`${said}\ndigest = "sha256:${record.digest}"\n`);
  return 0;
}

/** By its bytes; what is compressed, by its name: disks are compressed, too. */
async function isArchive(context: CommandContext, path: string): Promise<boolean> {
  const head = await context.effects.files.readPart(path, 0, HEAD_BYTES).catch(() => Buffer.alloc(0));
  const format = archiveFormatOf(head);
  return format === "tar" || (format !== undefined && archiveFormat(path) !== undefined);
}
