/** `vmlab images prune`: frees what nobody needs. */

import { DiagnosticsError } from "../../engine/diagnostics.ts";
import { readHostConfig } from "../../engine/host/host-config.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { KeptItem, Pruned, PrunedItem } from "../../providers/images/registry/index.ts";
import { confirm } from "../confirm.ts";
import { type CommandContext, colours } from "../context.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { printable } from "../render/text-width.ts";
import { sharedText, shortDigest, usedByText } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";

const MINUTE_MS = 60_000;

export interface PruneArguments {
  readonly dryRun?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function pruneCommand(context: CommandContext, options: PruneArguments): Promise<number> {
  const { effects, home, terminal } = context;
  const { out } = terminal;
  const registry = await openRegistry(context);
  const { store } = await readHostConfig(effects, home);
  const wishes = { now: effects.clock.now(), keepMs: options.all === true ? 0 : store.keepMs };
  const planned = await registry.planPrune(wishes);
  if (planned.blocked.length > 0) throw new DiagnosticsError(planned.blocked);
  const json = options.json === true;
  if (!json) out.write(`${screen(context, planned, wishes)}\n`);
  if (options.dryRun === true || planned.removed.length === 0) {
    if (json) writeJson(context, planned, options.dryRun !== true);
    return 0;
  }
  const question = `Remove this (${formatSize(planned.freed)}) for good?`;
  if (
    !(await confirm(context, question, {
      yes: options.yes === true,
      what: "images prune",
      json,
      shown: "the list",
    }))
  )
    return 1;
  const only = new Set(planned.removed.map(({ id }) => id));
  const pruned = await registry.prune({ ...wishes, only });
  if (json) writeJson(context, pruned, true);
  else out.write(`Removed ${things(pruned.removed)}: ${formatSize(pruned.freed)} are free again.\n`);
  return 0;
}

function screen(
  context: CommandContext,
  { removed, kept, freed }: Pruned,
  { now, keepMs }: { now: number; keepMs: number },
): string {
  const { out } = context.terminal;
  const paint = colours(out);
  const rows = [
    ...removed.map((item): Cell[] => row(item, { text: "free", paint: paint.remove }, whyFreed(item))),
    ...kept.map((item): Cell[] => row(item, "keep", whyKept(item, now, keepMs))),
  ];
  if (rows.length === 0) return "There is nothing in the store.";
  const columns = [
    { header: "" },
    { header: "NAME", overflow: "cut-middle", least: 14 },
    { header: "DIGEST" },
    { header: "SIZE", align: "right" },
    { header: "WHY", overflow: "wrap", least: 20 },
  ] as const;
  const table = renderTable(columns, rows, { width: out.columns, header: paint.faint });
  const sum =
    removed.length === 0
      ? "Nothing is to be removed."
      : `${things(removed)} to remove, ${formatSize(freed)}.`;
  return [...table, "", sum].join("\n");
}

function row(item: PrunedItem, verb: Cell, why: string): Cell[] {
  const digest = item.what === "image" ? shortDigest(item.id) : "";
  return [verb, printable(item.name), digest, formatSize(item.bytes), why];
}

function whyFreed({ what, unusedMs }: PrunedItem): string {
  const since = unusedMs < MINUTE_MS ? "" : ` for ${formatDuration(unusedMs)}`;
  switch (what) {
    case "image":
      return `needed by nobody${since}`;
    case "download":
      return `a download that broke off${since === "" ? "" : `, untouched${since}`}`;
    case "rejected file":
      return "a file that was refused and kept for a look";
    case "unfinished image":
      return "left by a command that was killed";
    case "damaged image":
      return "a damaged image that was put aside";
  }
}

function whyKept(item: KeptItem, now: number, keepMs: number): string {
  const { why, image } = item;
  switch (why) {
    case "used": {
      if (image === undefined) return "in use";
      return image.users.length === 0
        ? `${sharedText(image.sharedBy)} stand on it`
        : `used by ${usedByText(image, now)}`;
    }
    case "below":
      return "an image that stands on it is kept";
    case "brought":
      return `${whyFreed(item)}; no recipe could make it again: --all removes it`;
    case "recent":
      return `${whyFreed(item)}; kept for ${formatDuration(keepMs)}, --all removes it`;
  }
}

/** `2 images and 1 download`. */
function things(items: readonly PrunedItem[]): string {
  const counts = new Map<string, number>();
  for (const { what } of items) counts.set(what, (counts.get(what) ?? 0) + 1);
  const parts = [...counts].map(([what, number]) => `${number} ${what}${number === 1 ? "" : "s"}`);
  const last = parts.pop() ?? "nothing";
  return parts.length === 0 ? last : `${parts.join(", ")} and ${last}`;
}

function writeJson(context: CommandContext, { removed, kept, freed }: Pruned, done: boolean): void {
  const shown = {
    done,
    freed,
    removed,
    kept: kept.map(({ image: _, ...item }) => item),
  };
  context.terminal.out.write(`${JSON.stringify(shown, null, 2)}\n`);
}
