/** `vmlab backup restore`: puts back what is not there; with `--force` also what differs. */
import { resolve } from "node:path";
import type { BackupManifest } from "../../engine/host/backup/manifest.ts";
import { restoreBackup } from "../../engine/host/backup/restore-backup.ts";
import type { RestoreItem } from "../../engine/host/backup/restore-items.ts";
import { confirm } from "../confirm.ts";
import { type CommandContext, colours } from "../context.ts";
import { withProgress } from "../images-commands/with-progress.ts";
import type { Paint, Palette } from "../palette.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { printable, wrapText } from "../render/text-width.ts";
import { count } from "./content-text.ts";
import { openBackupImages } from "./open-images.ts";

export interface RestoreArguments {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function restoreCommand(
  context: CommandContext,
  what: string,
  options: RestoreArguments,
): Promise<number> {
  const { effects, home, terminal, tool } = context;
  const json = options.json === true;
  // A path says so; a name has no slash.
  const from = /[/\\]|\.(tar|tgz|tar\.gz|tar\.zst|tzst)$/.test(what)
    ? { file: resolve(terminal.cwd, what) }
    : { name: what };
  const images = await openBackupImages(context);
  const restore = (dryRun: boolean) =>
    withProgress(context, { json }, (call) =>
      restoreBackup(effects, home, images, { from, force: options.force === true, dryRun, tool, call }),
    );
  if (options.dryRun === true) {
    const { items, manifest } = await restore(true);
    if (json) writeJson(context, items, undefined);
    else terminal.out.write(`${screen(context, items, manifest, true)}\n`);
    return 0;
  }
  if (options.force === true) {
    const { items } = await restore(true);
    const replaced = items.filter(({ action }) => action === "replace");
    const names = replaced.map((item) => `the ${item.what} of ${printable(item.name)}`).join(", ");
    const question = `Replace ${names}? The present ones are kept in a backup.`;
    const sure =
      replaced.length === 0 ||
      (await confirm(context, question, { yes: options.yes === true, what: "backup restore --force", json }));
    if (!sure) return 1;
  }
  const { items, manifest, keptAs } = await restore(false);
  if (json) writeJson(context, items, keptAs);
  else {
    terminal.out.write(`${screen(context, items, manifest, false)}\n`);
    if (keptAs !== undefined)
      terminal.out.write(`What was replaced is kept as ${keptAs}: "vmlab backup restore ${keptAs}".\n`);
  }
  return 0;
}

function screen(
  context: CommandContext,
  items: readonly RestoreItem[],
  manifest: BackupManifest,
  dryRun: boolean,
): string {
  const { out } = context.terminal;
  const paint = colours(out);
  const rows = items.map(({ what, name, action, why, target }): Cell[] => [
    { text: verb(action, dryRun), paint: paintOf(action, paint) },
    what,
    printable(name),
    printable(why ?? target),
  ]);
  const columns = [
    { header: "" },
    { header: "WHAT" },
    { header: "NAME", overflow: "cut-middle", least: 14 },
    { header: "WHERE OR WHY", overflow: "wrap", least: 24 },
  ] as const;
  const table = renderTable(columns, rows, { width: out.columns, header: paint.faint });
  const number = (...actions: RestoreItem["action"][]): number =>
    items.filter(({ action }) => actions.includes(action)).length;
  const done = number("create", "replace");
  const kept = number("keep");
  const lines = [
    `${dryRun ? `${count(done, "thing")} to restore` : `${count(done, "thing")} restored`}, ${number("same")} there already` +
      `${number("skip") === 0 ? "" : `, ${number("skip")} left out`}.`,
    ...(kept === 0
      ? []
      : [`${kept} kept as ${kept === 1 ? "it is" : "they are"}: --force replaces what differs.`]),
    ...placeLines(context, items, manifest),
  ];
  return [...table, "", ...lines.flatMap((line) => wrapText(line, out.columns))].join("\n");
}

/** A state refuses to work under another VMLAB_HOME until it is adopted. */
function placeLines(
  { home }: CommandContext,
  items: readonly RestoreItem[],
  manifest: BackupManifest,
): string[] {
  const states = items.some(({ what, action }) => what === "state" && ["create", "replace"].includes(action));
  if (!states) return [];
  const moved =
    manifest.home === home.root ? "" : ' "vmlab state adopt" in the lab makes it belong to this VMLAB_HOME.';
  return [`VMs are not in backups: "vmlab plan" in a lab shows which it would make anew.${moved}`];
}

function verb(action: RestoreItem["action"], dryRun: boolean): string {
  switch (action) {
    case "create":
      return dryRun ? "restore" : "restored";
    case "replace":
      return dryRun ? "replace" : "replaced";
    case "same":
      return "there";
    case "keep":
      return dryRun ? "keep" : "kept";
    case "skip":
      return "left out";
  }
}

function paintOf(action: RestoreItem["action"], paint: Palette): Paint {
  switch (action) {
    case "create":
      return paint.create;
    case "replace":
      return paint.replace;
    case "same":
      return paint.faint;
    case "keep":
    case "skip":
      return paint.update;
  }
}

function writeJson(context: CommandContext, items: readonly RestoreItem[], keptAs: string | undefined): void {
  const shown = { items, keptAs: keptAs ?? null };
  context.terminal.out.write(`${JSON.stringify(shown, null, 2)}\n`);
}
