import type { ResourceState } from "../../engine/state/types.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { Snapshot } from "../../providers/provider.ts";
import { type CommandContext, colours } from "../context.ts";
import { chosenOrAllVms, type SelectionArguments } from "../machine-selection.ts";
import { renderTable } from "../render/table.ts";
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
  const columns = [
    { header: "VM", overflow: "cut-middle", least: 8 },
    { header: "SNAPSHOT", overflow: "cut-middle", least: 12 },
    { header: "TAKEN", align: "right" },
    { header: "HOLDS" },
    { header: "SIZE", align: "right" },
    { header: "DESCRIPTION", overflow: "wrap", least: 16 },
  ] as const;
  const shown = rows.some((row) => row[5] !== "") ? columns : columns.slice(0, 5);
  const lines = renderTable(
    shown,
    rows.map((row) => row.slice(0, shown.length)),
    { width: out.columns, header: colours(out).faint },
  );
  out.write(`${lines.join("\n")}\n`);
  return 0;
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
