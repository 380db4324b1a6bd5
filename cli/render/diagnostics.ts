/** Diagnostics as a compiler prints them: what, where (with the source line underlined), why, what to do. */
import type { Diagnostic, Range } from "../../engine/diagnostics.ts";
import type { Palette } from "../palette.ts";
import { printable, wrapText } from "./text-width.ts";

export interface DiagnosticLayout {
  readonly palette: Palette;
  /** Undefined: no wrapping. */
  readonly width: number | undefined;
  /** The line of source that a range starts on; undefined when it cannot be shown. */
  readonly sourceLine: (range: Range) => string | undefined;
  /** The file as the user would name it from where they are. */
  readonly displayPath?: (file: string) => string;
}

/** All diagnostics, a blank line after each, errors before warnings. Ends with a newline unless empty. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], layout: DiagnosticLayout): string {
  const sorted = [
    ...diagnostics.filter((diagnostic) => diagnostic.severity === "error"),
    ...diagnostics.filter((diagnostic) => diagnostic.severity === "warning"),
  ];
  return sorted.map((diagnostic) => `${renderDiagnostic(diagnostic, layout).join("\n")}\n`).join("\n");
}

export function renderDiagnostic(diagnostic: Diagnostic, layout: DiagnosticLayout): string[] {
  const { palette } = layout;
  const lines = titleLines(diagnostic, layout);
  if (diagnostic.range !== undefined) lines.push(...renderPlace(diagnostic.range, undefined, layout));
  else if (diagnostic.address !== undefined && !diagnostic.summary.includes(diagnostic.address)) {
    lines.push(`  in ${diagnostic.address}`);
  }
  for (const related of diagnostic.related ?? [])
    lines.push(...renderPlace(related.range, related.message, layout));
  const width = layout.width === undefined ? undefined : layout.width - 2;
  if (diagnostic.detail !== undefined) {
    lines.push(
      ...wrapText(printable(diagnostic.detail.trimEnd()), width).map((line) => `  ${line}`.trimEnd()),
    );
  }
  if (diagnostic.hint !== undefined) {
    const [first = "", ...rest] = wrapText(
      diagnostic.hint.trimEnd(),
      layout.width === undefined ? undefined : layout.width - 8,
    );
    lines.push(`  ${palette.hint("Hint:")} ${first}`, ...rest.map((line) => `        ${line}`));
  }
  return lines;
}

/** What happened, with the code behind it; what does not fit goes on below its beginning. */
function titleLines({ severity, summary, code }: Diagnostic, { palette, width }: DiagnosticLayout): string[] {
  const word = severity === "error" ? "Error:" : "Warning:";
  const title = severity === "error" ? palette.error(word) : palette.warning(word);
  const margin = " ".repeat(word.length + 1);
  const suffix = `[${code}]`;
  const room = width === undefined ? undefined : width - margin.length;
  return wrapText(`${printable(summary)} ${suffix}`, room).map((line, index) => {
    const text = line.endsWith(suffix)
      ? `${palette.strong(line.slice(0, -suffix.length).trimEnd())} ${palette.faint(suffix)}`
      : palette.strong(line);
    return index === 0 ? `${title} ${text}` : `${margin}${text.trimStart()}`;
  });
}

function renderPlace(range: Range, message: string | undefined, layout: DiagnosticLayout): string[] {
  const { palette } = layout;
  const { line, column } = range.start;
  const path = layout.displayPath?.(range.file) ?? range.file;
  const place = `  ${palette.faint("at")} ${path}:${line}:${column}${message === undefined ? "" : `: ${message}`}`;
  const source = layout.sourceLine(range);
  if (source === undefined) return [place];
  const number = String(line);
  const margin = " ".repeat(number.length);
  const shown = window(
    source.replaceAll("\t", " "),
    column - 1,
    layout.width === undefined ? 200 : layout.width - number.length - 7,
  );
  const end = range.end.line === line ? range.end.column - 1 : source.trimEnd().length;
  const length = Math.max(1, Math.min(end, shown.from + shown.length) - (column - 1));
  const underline = " ".repeat(Math.max(0, column - 1 - shown.from + shown.lead)) + "^".repeat(length);
  return [
    place,
    `  ${palette.faint(`${number} |`)} ${printable(shown.text)}`.trimEnd(),
    `  ${palette.faint(`${margin} |`)} ${palette.error(underline)}`,
  ];
}

/** The part of a long line around `column` (from 0) that fits. */
function window(
  source: string,
  column: number,
  room: number,
): { text: string; from: number; length: number; lead: number } {
  const line = source.trimEnd();
  if (line.length <= room || room < 20)
    return { text: line, from: 0, length: Math.max(line.length, column + 1), lead: 0 };
  const from = Math.max(0, Math.min(column - Math.floor(room / 3), line.length - (room - 1)));
  const atEnd = from + room - 1 >= line.length;
  const length = room - (from > 0 ? 1 : 0) - (atEnd ? 0 : 1);
  const cut = line.slice(from, from + length);
  const more = atEnd ? "" : "…";
  return { text: `${from > 0 ? "…" : ""}${cut}${more}`, from, length, lead: from > 0 ? 1 : 0 };
}
