/** `vmlab backup create`: the registry's records and the labs' states, with `--images` the disks too. */
import { resolve } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import { createBackup } from "../../engine/host/backup/create-backup.ts";
import { freeName } from "../../engine/host/backup/places.ts";
import { formatSize } from "../../engine/units.ts";
import type { CommandContext } from "../context.ts";
import { withProgress } from "../images-commands/with-progress.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { contentText } from "./content-text.ts";
import { openBackupImages } from "./open-images.ts";

export interface CreateArguments {
  readonly images?: boolean;
  readonly to?: string;
  readonly json?: boolean;
}

export async function createCommand(
  context: CommandContext,
  name: string | undefined,
  options: CreateArguments,
): Promise<number> {
  const { effects, home, terminal, tool } = context;
  if (name !== undefined && options.to !== undefined) {
    fail({
      code: "cli/usage",
      summary: "a backup has either a name or a file",
      hint: "A name puts it under VMLAB_HOME; `--to FILE` writes it somewhere else.",
    });
  }
  const to =
    options.to === undefined
      ? { name: name ?? (await freeName(effects, home)) }
      : { file: resolve(terminal.cwd, options.to) };
  const images = await openBackupImages(context);
  const created = await withProgress(context, { json: options.json === true }, (call) =>
    createBackup(effects, home, images, { to, disks: options.images === true, tool, call }),
  );
  await showDiagnostics(created.warnings, context);
  const { manifest, place, size } = created;
  if (options.json === true) {
    const shown = { place, size, created: manifest.created, disks: manifest.disks, labs: manifest.labs };
    terminal.out.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  const called = "name" in to ? to.name : place;
  const secret = manifest.labs.some(({ serial }) => serial !== undefined)
    ? "States hold the labs' secrets: keep it to yourself.\n"
    : "";
  terminal.out.write(`Backup ${called}: ${contentText(manifest)}, ${formatSize(size)}.\n${secret}`);
  return 0;
}
