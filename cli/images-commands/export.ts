/** `vmlab images export`: an image with its layers as one file. */
import { resolve } from "node:path";
import { requireFormat } from "../../engine/archive/write-archive.ts";
import { fail } from "../../engine/diagnostics.ts";
import { formatSize } from "../../engine/units.ts";
import type { CommandContext } from "../context.ts";
import { printable } from "../render/text-width.ts";
import { count } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";
import { withProgress } from "./with-progress.ts";

export async function exportCommand(
  context: CommandContext,
  what: string,
  file: string,
  options: { flatten?: boolean; force?: boolean; json?: boolean },
): Promise<number> {
  const { terminal, effects } = context;
  const path = resolve(terminal.cwd, file);
  requireFormat(path);
  if (options.force !== true && (await effects.files.stat(path)) !== undefined) {
    fail({
      code: "cli/file-exists",
      summary: `${file} exists`,
      hint: "Name another file, or replace it with --force.",
    });
  }
  const registry = await openRegistry(context);
  const image = await registry.show(what);
  const flatten = options.flatten === true;
  const exported = await withProgress(context, { json: options.json === true }, (work) =>
    registry.exportArchive(image.digest, path, { flatten, context: work }),
  );
  if (options.json === true) {
    terminal.out.write(`${JSON.stringify({ ...exported, file: path }, null, 2)}\n`);
    return 0;
  }
  const another = exported.digest !== image.digest;
  const lines = [
    `Wrote ${printable(image.name)} to ${file}: ${count(exported.layers, "layer")}, ${formatSize(exported.size)}.`,
    ...(another ? ["As one disk it is another image than the one in the store."] : []),
    `digest = "sha256:${exported.digest}"`,
  ];
  terminal.out.write(`${lines.join("\n")}\n`);
  return 0;
}
