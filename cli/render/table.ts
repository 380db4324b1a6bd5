/** The one table that every listing is printed with: aligned, no lines, cut to the terminal's width. */
import type { Paint } from "../palette.ts";
import { cutEnd, cutMiddle, pad, textWidth, wrapLine } from "./text-width.ts";

export interface Column {
  readonly header: string;
  readonly align?: "left" | "right";
  /** What gives way when the table is wider than the terminal; without it the column keeps its width. */
  readonly overflow?: "cut-end" | "cut-middle" | "wrap";
  /** Least width of a column that gives way. Default 8. */
  readonly least?: number;
  /** Left out when the table does not fit otherwise, the lowest number first. */
  readonly spare?: number;
}

export interface PaintedCell {
  readonly text: string;
  readonly paint: Paint;
}

/** Least width of a column of names that are told apart by every character. */
export const LONGEST_NAME = 40;

export type Cell = string | PaintedCell;

export interface TableLayout {
  /** Spaces before each line. */
  readonly indent?: number;
  /** Spaces between columns. Default 2. */
  readonly gap?: number;
  /** Undefined: as wide as the content. */
  readonly width: number | undefined;
  /** How the headers look; undefined leaves the header line out. */
  readonly header: Paint | undefined;
}

/** Lines without trailing white space. Columns that are empty in every row are left out, with their headers. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  layout: TableLayout,
): string[] {
  const { header, lines } = renderRows(columns, rows, layout);
  return [...header, ...lines.flat()];
}

/** As {@link renderTable}, with the lines of each row apart: a cell that wraps makes several. */
export function renderRows(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  layout: TableLayout,
): { readonly header: string[]; readonly lines: string[][] } {
  const gap = layout.gap ?? 2;
  const indent = layout.indent ?? 0;
  const filled = columns
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => rows.some((row) => textOf(row[index]) !== ""))
    .map((place) => ({ ...place, natural: naturalWidth(place, rows, layout) }));
  const kept = withoutSpare(filled, gap, layout.width === undefined ? undefined : layout.width - indent);
  const natural = kept.map((place) => place.natural);
  const room =
    layout.width === undefined ? undefined : layout.width - indent - gap * Math.max(0, kept.length - 1);
  const widths = fit(
    kept.map(({ column }) => column),
    natural,
    room,
  );
  const linesOf = (cells: readonly Cell[]): string[] => {
    const parts = kept.map(({ column }, position) =>
      fill(textOf(cells[position]), column, widths[position] ?? 0),
    );
    const height = Math.max(1, ...parts.map((part) => part.length));
    return Array.from({ length: height }, (_, line) => {
      const texts = kept.map(({ column }, position) => {
        const padded = pad(parts[position]?.[line] ?? "", widths[position] ?? 0, column.align);
        return paintInside(padded, cells[position]);
      });
      return " ".repeat(indent) + texts.join(" ".repeat(gap)).trimEnd();
    });
  };
  const { header } = layout;
  return {
    header:
      header === undefined ? [] : linesOf(kept.map(({ column }) => ({ text: column.header, paint: header }))),
    lines: rows.map((row) => linesOf(kept.map(({ index }) => row[index] ?? ""))),
  };
}

interface Place {
  readonly column: Column;
  /** In a row's cells. */
  readonly index: number;
}

function naturalWidth(
  { column, index }: Place,
  rows: readonly (readonly Cell[])[],
  layout: TableLayout,
): number {
  return rows.reduce(
    (width, row) => Math.max(width, textWidth(textOf(row[index]))),
    layout.header === undefined ? 0 : textWidth(column.header),
  );
}

/** Leaves spare columns out until the others fit, each at its least. */
function withoutSpare<P extends Place & { readonly natural: number }>(
  places: readonly P[],
  gap: number,
  room: number | undefined,
): readonly P[] {
  const least = ({ column, natural }: P): number =>
    column.overflow === undefined ? natural : Math.min(natural, column.least ?? LEAST);
  let kept = places;
  while (room !== undefined) {
    const width = kept.reduce((sum, place) => sum + least(place) + gap, -gap);
    const spare = Math.min(...kept.map(({ column }) => column.spare ?? Number.POSITIVE_INFINITY));
    if (width <= room || spare === Number.POSITIVE_INFINITY) break;
    kept = kept.filter(({ column }) => column.spare !== spare);
  }
  return kept;
}

const LEAST = 8;

/** Paints the text and not the spaces around it, so that trailing spaces can be cut away. */
function paintInside(padded: string, cell: Cell | undefined): string {
  const bare = padded.trim();
  if (typeof cell !== "object" || bare === "") return padded;
  const start = padded.indexOf(bare);
  return padded.slice(0, start) + cell.paint(bare) + padded.slice(start + bare.length);
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  return typeof cell === "string" ? cell : cell.text;
}

/** Takes width from the columns that give way, widest first, until the table fits or each is at its least. */
function fit(columns: readonly Column[], natural: readonly number[], room: number | undefined): number[] {
  const widths = [...natural];
  if (room === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const width = widths[index] ?? 0;
      if (column.overflow === undefined || width <= (column.least ?? LEAST)) continue;
      if (widest < 0 || width > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return widths;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function fill(text: string, column: Column, width: number): string[] {
  switch (column.overflow) {
    case "cut-end":
      return [cutEnd(text, width)];
    case "cut-middle":
      return [cutMiddle(text, width)];
    case "wrap":
      return wrapLine(text, width);
    default:
      return [text];
  }
}
