import type { Command } from "commander";
import { nearestName } from "../../engine/config/nearest-name.ts";
import { fail } from "../../engine/diagnostics.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import { confirm } from "../confirm.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";
import { type Cell, LONGEST_NAME, renderTable } from "../render/table.ts";
import { restoreVm } from "../restore-vm.ts";
import { restoreVolume } from "../restore-volume.ts";
import { emptyTrashed, listTrashed, type Trashed, trashProviders } from "../trashed.ts";

export function define(context: CommandContext): Command {
  return defineGroup("trash", "List, restore and remove deleted VMs and volumes", [
    defineCommand(context, "trash list", {
      summary: "List deleted VMs and volumes",
      description:
        "All labs of this host. The host's config.toml says how long they are kept (trash.keep, default 7d).",
      examples: [
        { command: "vmlab trash list", text: "newest first" },
        { command: "vmlab trash list --json", text: "for programs" },
      ],
    })
      .alias("ls")
      .option("--json", "print JSON")
      .action(async (options: { json?: boolean }) => {
        context.exitCode = await listTrash(context, options);
      }),
    defineCommand(context, "trash restore", {
      summary: "Bring a deleted VM or volume back",
      description:
        "By id or by name (the newest of that name), with its disk as it was, stopped. Its own name must be free and, where " +
        "lab.toml declares it, stand on the same image; otherwise give another with --as. A VM that lab.toml does not " +
        "declare any more is written back into it. A volume comes back with its data, attached to nothing.",
      examples: [
        { command: "vmlab trash restore web", text: 'then "vmlab start web"' },
        { command: "vmlab trash restore 3f9c2a7d1e04 --as web-old", text: "under another name" },
        { command: "vmlab trash restore volume.data", text: "a volume" },
      ],
    })
      .argument("<what>", 'id or name, as "vmlab trash list" shows it')
      .option("--as <name>", "restore it under this name")
      .action(async (what: string, options: { as?: string }) => {
        const providers = await trashProviders(context);
        const found = findTrashed(await listTrashed(providers), what);
        if (found.kind === "volume") {
          const address = await restoreVolume(context, providers, found, options.as);
          context.terminal.out.write(`${address} is back, attached to no VM.\n`);
          return;
        }
        const name = await restoreVm(context, providers, found, options.as);
        context.terminal.out.write(`${name} is back, stopped. "vmlab start ${name}" starts it.\n`);
      }),
    defineCommand(context, "trash empty", {
      summary: "Remove deleted VMs and volumes for good",
      description: "All of them, or those named. Their disks cannot be brought back after that.",
      examples: [
        { command: "vmlab trash empty", text: "everything, after a question" },
        { command: "vmlab trash empty web --yes", text: "one, without a question" },
      ],
    })
      .argument("[what...]", "ids or names")
      .option("-y, --yes", "do not ask")
      .action(async (what: string[], options: { yes?: boolean }) => {
        context.exitCode = await emptyTrash(context, what, options.yes === true);
      }),
  ]);
}

async function listTrash(context: CommandContext, options: { json?: boolean }): Promise<number> {
  const { out } = context.terminal;
  const all = await listTrashed(await trashProviders(context));
  if (options.json === true) {
    const shown = all.map(({ record, kind: _, ...one }) => ({
      ...one,
      deletedAt: new Date(one.deletedAt).toISOString(),
      address: (record as { address?: unknown }).address ?? null,
    }));
    out.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  if (all.length === 0) {
    out.write("The trash is empty.\n");
    return 0;
  }
  const now = context.effects.clock.now();
  const rows = all.map((one): Cell[] => [
    one.id,
    shownName(one),
    one.lab,
    `${formatDuration(Math.max(0, now - one.deletedAt))} ago`,
    formatSize(one.size),
    one.reason,
  ]);
  const columns = [
    { header: "ID" },
    { header: "NAME", overflow: "cut-middle", least: LONGEST_NAME },
    { header: "LAB", overflow: "cut-middle", spare: 1 },
    { header: "DELETED", align: "right" },
    { header: "SIZE", align: "right" },
    { header: "WHY", overflow: "wrap", least: 12, spare: 2 },
  ] as const;
  out.write(`${renderTable(columns, rows, { width: out.columns, header: colours(out).faint }).join("\n")}\n`);
  return 0;
}

async function emptyTrash(context: CommandContext, what: readonly string[], yes: boolean): Promise<number> {
  const { out } = context.terminal;
  const providers = await trashProviders(context);
  const all = await listTrashed(providers);
  const chosen = what.length === 0 ? all : what.flatMap((name) => allTrashed(all, name));
  if (chosen.length === 0) {
    out.write("The trash is empty.\n");
    return 0;
  }
  const size = chosen.reduce((sum, one) => sum + one.size, 0);
  const names = chosen.length <= 5 ? chosen.map(shownName).join(", ") : `${chosen.length} VMs and volumes`;
  if (
    !(await confirm(context, `Remove ${names} (${formatSize(size)}) for good?`, { yes, what: "trash empty" }))
  )
    return 1;
  for (const one of chosen) await emptyTrashed(providers, one);
  out.write(`Removed ${names}, ${formatSize(size)} are free again.\n`);
  return 0;
}

/** A volume by its address: a VM may have the same name. */
function shownName({ kind, name }: Trashed): string {
  return kind === "vm" ? name : `volume.${name}`;
}

function findTrashed(all: readonly Trashed[], what: string): Trashed {
  const [found] = allTrashed(all, what);
  if (found === undefined) throw new Error("allTrashed fails when it finds nothing");
  return found;
}

/** What has this id, or all of this name, newest first; a plain name that both have is a VM's. */
function allTrashed(all: readonly Trashed[], what: string): readonly Trashed[] {
  const byId = all.filter(({ id }) => id === what);
  const ofKind = (kind: Trashed["kind"]) =>
    all.filter((one) => one.kind === kind && (one.name === what || `${kind}.${one.name}` === what));
  const vms = ofKind("vm");
  const found = byId.length > 0 ? byId : vms.length > 0 ? vms : ofKind("volume");
  if (found.length > 0) return found;
  const nearest = nearestName(
    what,
    all.flatMap((one) => [shownName(one), one.id]),
  );
  return fail({
    code: "trash/unknown-vm",
    summary: `there is no "${what}" in the trash`,
    hint: nearest === undefined ? `"vmlab trash list" shows what there is.` : `Did you mean "${nearest}"?`,
  });
}
