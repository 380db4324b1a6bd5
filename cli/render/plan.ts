/** A plan on the screen: what happens in the order in which it happens, then what people need to decide. */

import { describeValue } from "../../engine/plan/describe.ts";
import type { Action, AttributeChange, Change, Figure, Plan } from "../../engine/plan/types.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { Paint, Palette } from "../palette.ts";
import { causeOf } from "./reasons.ts";
import { type Cell, type Column, renderRows, renderTable } from "./table.ts";
import { cutEnd, printable, textWidth, wrapText } from "./text-width.ts";

export interface PlanLayout {
  readonly palette: Palette;
  /** Undefined: no limit. */
  readonly width: number | undefined;
  /** Lists the attributes of each change. */
  readonly details: boolean;
  /** How long deleted disks are kept, in words, when they are (`7 days`). */
  readonly trashKept?: string;
}

const COLUMNS: readonly Column[] = [
  { header: "", align: "right" },
  { header: "" },
  { header: "", overflow: "cut-middle", least: 16 },
  { header: "", overflow: "wrap", least: 20 },
  { header: "", overflow: "cut-middle", least: 11 },
  { header: "", align: "right" },
  { header: "" },
];

const SUMMARY = 3;
const PLACE = 4;

/** The whole text, ending with a newline. */
export function renderPlan(plan: Plan, layout: PlanLayout): string {
  const { palette } = layout;
  const state = plan.basis.serial === 0 ? "no state yet" : `state #${plan.basis.serial}`;
  const mode = plan.mode === "normal" ? "" : ` · ${plan.mode}`;
  const lines = [palette.strong(`vmlab plan · ${plan.lab} · ${state}${mode}`), ""];
  if (plan.changes.length > 0) lines.push(...changeLines(plan, layout), "");
  lines.push(...closing(plan, layout));
  return `${lines.join("\n")}\n`;
}

function changeLines(plan: Plan, layout: PlanLayout): string[] {
  const rows = plan.changes.map((change, index) => row(change, index + 1, layout.palette));
  const margin = String(plan.changes.length).length + 7;
  const lines = fitsInLines(rows, layout.width)
    ? renderRows(COLUMNS, rows, { indent: 2, width: layout.width, header: undefined }).lines
    : stackedLines(rows, margin, layout.width);
  return plan.changes.flatMap((change, index) => [
    ...(lines[index] ?? []),
    ...(layout.details ? attributeLines(change, margin, layout) : []),
    ...textLines(change, margin, layout),
  ]);
}

function row(change: Change, number: number, palette: Palette): Cell[] {
  const { symbol, paint } = symbolOf(change, palette);
  const cause = causeOf(change);
  const summary = change.summary === "" ? change.action : change.summary;
  return [
    { text: String(number), paint: palette.faint },
    { text: symbol, paint },
    change.address,
    cause === "" ? summary : `${summary}  ← ${cause}`,
    { text: change.place ?? "", paint: palette.faint },
    change.estimateMs === undefined ? "" : `~${formatDuration(change.estimateMs)}`,
    { text: waits(change.after_changes), paint: palette.faint },
  ];
}

/** Whether each change can be on lines of its own with its whole address, which tells it from the others. */
function fitsInLines(rows: readonly (readonly Cell[])[], width: number | undefined): boolean {
  if (width === undefined) return true;
  const natural = COLUMNS.map((_, index) =>
    Math.max(0, ...rows.map((cells) => textWidth(cellText(cells[index])))),
  );
  const summary = Math.min(natural[SUMMARY] ?? 0, COLUMNS[SUMMARY]?.least ?? 0);
  const used = natural.filter((columnWidth) => columnWidth > 0).length;
  const others = natural.reduce((sum, columnWidth, index) => sum + (index === SUMMARY ? 0 : columnWidth), 0);
  return 2 + others + summary + 2 * (used - 1) <= width;
}

/** The address and its place in lab.toml, and below what happens, how long it takes and what it waits for. */
function stackedLines(
  rows: readonly (readonly Cell[])[],
  margin: number,
  width: number | undefined,
): string[][] {
  const heads = rows.map((cells) => cells.filter((_, index) => index < SUMMARY || index === PLACE));
  const columns = COLUMNS.filter((_, index) => index < SUMMARY || index === PLACE);
  const { lines } = renderRows(columns, heads, { indent: 2, width, header: undefined });
  const room = width === undefined ? undefined : width - margin;
  const join = (parts: readonly (Cell | undefined)[]): string =>
    parts
      .map(cellText)
      .filter((part) => part !== "")
      .join("  ");
  return rows.map((cells, index) => {
    const below = wrapText(cellText(cells[SUMMARY]), room);
    const last = below.pop() ?? "";
    const more = cells.slice(PLACE + 1);
    const whole = join([last, ...more]);
    const tail = room === undefined || textWidth(whole) <= room ? [whole] : [last, join(more)];
    return [...(lines[index] ?? []), ...[...below, ...tail].map((line) => `${" ".repeat(margin)}${line}`)];
  });
}

function cellText(cell: Cell | undefined): string {
  return typeof cell === "object" ? cell.text : (cell ?? "");
}

function symbolOf(change: Change, palette: Palette): { symbol: string; paint: Paint } {
  const action: Action = change.action;
  switch (action) {
    case "create":
      return { symbol: "+", paint: palette.create };
    case "build":
      return change.before === undefined
        ? { symbol: "+", paint: palette.create }
        : { symbol: "±", paint: palette.replace };
    case "replace":
      return { symbol: "±", paint: palette.replace };
    case "delete":
      return { symbol: "-", paint: palette.remove };
    case "forget":
      return { symbol: "-", paint: palette.faint };
    case "move":
    case "import":
    case "update":
    case "start":
    case "stop":
      return { symbol: "~", paint: palette.update };
    case "no-op":
      return { symbol: " ", paint: palette.faint };
  }
}

function waits(after: readonly number[]): string {
  if (after.length === 0) return "";
  return after.length <= 2 ? `after ${after.join(", ")}` : `after ${after[0]} +${after.length - 1}`;
}

function attributeLines(change: Change, margin: number, layout: PlanLayout): string[] {
  if (change.attributes.length === 0) return [];
  const rows = change.attributes.map((attribute): Cell[] => [
    attribute.path.join("."),
    attributeText(attribute),
    { text: attribute.change === "live" ? "" : attribute.change, paint: layout.palette.faint },
  ]);
  return renderTable([{ header: "" }, { header: "", overflow: "wrap", least: 20 }, { header: "" }], rows, {
    indent: margin,
    width: layout.width,
    header: undefined,
  });
}

/** What changed in files: as much as the eye takes in beside the plan, all of it with --details. */
const FEW_LINES = 20;

function textLines(change: Change, margin: number, layout: PlanLayout): string[] {
  const { palette } = layout;
  const lines = change.reasons.flatMap((reason) => (reason.kind === "file" ? (reason.diff ?? []) : []));
  if (!layout.details && lines.length > FEW_LINES) return [];
  const indent = " ".repeat(margin);
  return lines.map((line) => {
    const text = printable(line);
    const cut = layout.width === undefined ? text : cutEnd(text, Math.max(20, layout.width - margin));
    const paint = line.startsWith("+")
      ? palette.create
      : line.startsWith("-")
        ? palette.remove
        : palette.faint;
    return `${indent}${paint(cut)}`;
  });
}

function attributeText(attribute: AttributeChange): string {
  if (attribute.sensitive) return "(sensitive)";
  const name = attribute.path.join(".");
  const after = attribute.unknown ? "(known at apply)" : describeValue(name, attribute.after);
  return attribute.before === undefined ? after : `${describeValue(name, attribute.before)} → ${after}`;
}

function closing(plan: Plan, layout: PlanLayout): string[] {
  const { palette } = layout;
  const lines: string[] = [totals(plan, palette)];
  const needs = needsText(plan);
  if (needs !== "") lines.push(`Needs: ${needs}.`);
  if (plan.dataLoss.length > 0) lines.push(dataLossText(plan, layout));
  for (const { address, text } of plan.notes) {
    lines.push(`Note: ${address === undefined || mentions(text, address) ? "" : `${address} `}${text}`);
  }
  return lines.flatMap((line) => wrapText(line, layout.width));
}

/** As a word: vm.web is not mentioned where vm.web-2 is. */
function mentions(text: string, address: string): boolean {
  return text.split(/[^\w.-]+/).some((word) => word.replace(/\.$/, "") === address);
}

function totals(plan: Plan, palette: Palette): string {
  const count = (...actions: Action[]): number =>
    plan.changes.filter((change) => actions.includes(change.action)).length;
  if (plan.changes.length === 0) {
    if (plan.observations.length > 0)
      return palette.good("No changes, but the state is brought up to date with what exists.");
    if (plan.mode === "destroy") return palette.good("Nothing to destroy.");
    return palette.good(`No changes. ${unchangedText(plan.unchanged)}`);
  }
  const parts = [
    `${count("create") + built(plan, false)} to create`,
    `${count("update")} to update`,
    `${count("replace") + built(plan, true)} to replace`,
    `${count("delete")} to delete`,
    ...(["start", "stop", "move", "import", "forget"] as const).flatMap((action) =>
      count(action) === 0 ? [] : [`${count(action)} to ${action}`],
    ),
  ];
  const estimate = plan.estimateMs === undefined ? "" : ` About ${formatDuration(plan.estimateMs)}.`;
  return `${palette.strong("Plan:")} ${parts.join(", ")}.${estimate}`;
}

function built(plan: Plan, again: boolean): number {
  return plan.changes.filter((change) => change.action === "build" && (change.before !== undefined) === again)
    .length;
}

function unchangedText(unchanged: number): string {
  if (unchanged === 0) return "The lab declares nothing.";
  return unchanged === 1 ? "1 resource is as declared." : `${unchanged} resources are as declared.`;
}

function needsText(plan: Plan): string {
  const { download, disk, disks, memory, cpus } = plan.needs;
  return [
    ...(download === undefined || download === 0 ? [] : [`${formatSize(download)} download`]),
    ...sizeNeed(disk, "disk"),
    ...(disks === undefined || disks.need === 0
      ? []
      : [
          `${formatSize(disks.need)} of disks and volumes (of ${formatSize(disks.free)} that limits.disk leaves)`,
        ]),
    ...sizeNeed(memory, "memory"),
    ...(cpus === undefined || cpus.need === 0
      ? []
      : [`${cpus.need} ${cpus.need === 1 ? "vCPU" : "vCPUs"} (limit ${cpus.limit})`]),
  ].join(", ");
}

function sizeNeed(figure: Figure | undefined, what: string): string[] {
  if (figure === undefined || figure.need === 0) return [];
  return [`${formatSize(figure.need)} ${what} (of ${formatSize(figure.free)} free)`];
}

function dataLossText(plan: Plan, layout: PlanLayout): string {
  const label = layout.palette.remove("Data loss:");
  const text = (final: boolean): string =>
    plan.dataLoss
      .filter((loss) => loss.final === final)
      .map(
        (loss) =>
          `${loss.address} ${loss.what}${loss.size === undefined ? "" : ` (${formatSize(loss.size)})`}`,
      )
      .join(", ");
  const kept = text(false);
  const gone = text(true);
  return [
    ...(kept === ""
      ? []
      : [
          `${label} ${kept}. Kept in the trash${layout.trashKept === undefined ? "" : ` for ${layout.trashKept}`}.`,
        ]),
    ...(gone === "" ? [] : [`${label} ${gone}, for good.`]),
  ].join("\n");
}
