import type { ResourceState } from "../../engine/state/types.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { Snapshot } from "../../providers/provider.ts";
import { type CommandContext, colours } from "../context.ts";
import { chosenOrAllVms, type SelectionArguments } from "../machine-selection.ts";
import { type Column, renderRows, renderTable, type TableLayout } from "../render/table.ts";
import { textWidth } from "../render/text-width.ts";
import { openMachines } from "../workspace.ts";

export interface ListArguments extends SelectionArguments {
  readonly json?: boolean;
}

export async function listCommand(
  context: CommandContext,
  names: readonly string[],
  options: ListArguments,
): Promise<number> {
  const { out } = context.terminal;
  const { state, providers } = await openMachines(context);
  const vms = chosenOrAllVms(state, names, options);
  const found = await providers.vm.snapshots.list(vms.flatMap(({ instance }) => instance ?? []));
  const of = ({ instance = "" }: ResourceState) => found.get(instance) ?? [];
  if (options.json === true) {
    const shown = vms.flatMap((vm) => of(vm).map((snapshot) => asJson(vm, snapshot)));
    out.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  const now = context.effects.clock.now();
  const rows = vms.flatMap((vm) =>
    asTree(of(vm)).map(({ snapshot, indent }, index) => [
      index === 0 ? vm.name : "",
      `${indent}${snapshot.name}`,
      `${formatDuration(now - snapshot.createdAt)} ago`,
      snapshot.memory ? "with memory" : "disks",
      snapshot.memory ? formatSize(snapshot.size) : "",
      snapshot.description ?? "",
    ]),
  );
  if (rows.length === 0) {
    out.write(`No snapshots. "vmlab snapshot create VM" takes one.\n`);
    return 0;
  }
  out.write(`${listing(rows, { width: out.columns, header: colours(out).faint }).join("\n")}\n`);
  return 0;
}

/** Where names are too long to stand side by side, each VM is a line of its own above its snapshots. */
function listing(rows: readonly (readonly string[])[], layout: TableLayout): string[] {
  const longest = (column: number): number => Math.max(...rows.map((row) => textWidth(row[column] ?? "")));
  const { width } = layout;
  const apart = width !== undefined && longest(0) + longest(1) + longest(2) + 4 > width;
  const columns: readonly Column[] = [
    { header: "VM" },
    { header: "SNAPSHOT" },
    { header: "TAKEN", align: "right" },
    { header: "HOLDS", spare: 2 },
    { header: "SIZE", align: "right", spare: 1 },
    { header: "DESCRIPTION", overflow: "wrap", least: 16, spare: 3 },
  ];
  if (!apart) return renderTable(columns, rows, layout);
  const { header, lines } = renderRows(
    columns.slice(1),
    rows.map((row) => row.slice(1)),
    { ...layout, indent: 2 },
  );
  const headings = rows.map(([vm = ""]) => (vm === "" ? [] : [vm]));
  return [...header, ...rows.flatMap((_, index) => [...(headings[index] ?? []), ...(lines[index] ?? [])])];
}

function asJson({ name: vm }: ResourceState, { record: _, createdAt, ...snapshot }: Snapshot) {
  return { vm, ...snapshot, created: new Date(createdAt).toISOString() };
}

/** Each below its parent, with the branches drawn. */
function asTree(snapshots: readonly Snapshot[]): { readonly snapshot: Snapshot; readonly indent: string }[] {
  const names = new Set(snapshots.map(({ name }) => name));
  const below = (parent: string | undefined): readonly Snapshot[] =>
    snapshots.filter((one) => {
      // One whose parent is gone is a root.
      const own = one.parent !== undefined && names.has(one.parent) ? one.parent : undefined;
      return own === parent;
    });
  const lines: { snapshot: Snapshot; indent: string }[] = [];
  const draw = (parent: string | undefined, before: string): void => {
    const children = below(parent);
    for (const [index, snapshot] of children.entries()) {
      const last = index === children.length - 1;
      const branch = parent === undefined ? "" : last ? "└─ " : "├─ ";
      lines.push({ snapshot, indent: `${before}${branch}` });
      draw(snapshot.name, parent === undefined ? "" : `${before}${last ? "   " : "│  "}`);
    }
  };
  draw(undefined, "");
  return lines;
}
