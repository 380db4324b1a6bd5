/**
 * Reads TOML 1.0 through @iarna/toml, with guards for what that reader gets wrong without saying so. Either the
 * document is right or a diagnostic says why it is not: nothing that somebody wrote is lost.
 *
 * Guarded, because of the reader (3.0.0): keys that are properties of every JavaScript object (the reader loses
 * their tables, or throws), 30 February (becomes 1 March), integers beyond 64 bits (wrap round).
 * Refused, because the language has no use for them: dates and times, integers beyond 2^53, inf and nan.
 */
import { createHash } from "node:crypto";
import toml from "@iarna/toml";
import { type Diagnostic, errorText, problem, type Range } from "../../diagnostics.ts";
import type { JsonObject } from "../../json.ts";
import { indexPositions, type Path, type Positions, rangeMaker } from "./positions.ts";
import { loadTomlParser, tomlParser } from "./toml-parser.ts";

export interface ParsedToml {
  /** Absent when the text has an error. */
  readonly document?: JsonObject;
  readonly diagnostics: readonly Diagnostic[];
}

const RESERVED = new Set(Object.getOwnPropertyNames(Object.prototype));
/** A reserved name, or an escape that could spell one. */
const MAY_HOLD_RESERVED = new RegExp(`${[...RESERVED].join("|")}|\\\\[uU]`);
/** Deeper than any sensible lab, and safe for recursive code. */
const DEEPEST = 100;

/** Parses a file's text. `file` is its name in diagnostics. */
export async function parseToml(text: string, file: string): Promise<ParsedToml> {
  await loadTomlParser();
  const source = withoutByteOrderMark(text);
  if (MAY_HOLD_RESERVED.test(source)) {
    const refused = refuseReservedKeys(source, file);
    if (refused.length > 0) return { diagnostics: refused };
  }
  let document: JsonObject;
  try {
    document = toml.parse(withUnixLines(source)) as JsonObject;
  } catch (error) {
    return { diagnostics: [syntaxProblem(source, file, error)] };
  }
  const unusable: Unusable[] = [];
  collectUnusable(document, [], unusable);
  if (unusable.length === 0) return { document, diagnostics: [] };
  let positions: Positions;
  try {
    positions = indexPositions(source, file);
  } catch (error) {
    // 30 February and the like: the reader takes what the parser with positions rightly refuses.
    return { diagnostics: [syntaxProblem(source, file, error)] };
  }
  return {
    diagnostics: unusable.map(({ path, ...rest }) => {
      const range = positions.find(path);
      return problem({ ...rest, ...(range === undefined ? {} : { range }) });
    }),
  };
}

/**
 * The reader takes the carriage return at the end of a comment for a control character. TOML leaves it to readers how
 * line breaks in multi-line strings come out; in a guest's script only a plain one works.
 */
function withUnixLines(text: string): string {
  return text.includes("\r") ? text.replaceAll("\r\n", "\n") : text;
}

/** Editors on Windows write one; TOML does not know it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** SHA-256 of a text's UTF-8 bytes, hex. */
export function textSha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function refuseReservedKeys(source: string, file: string): Diagnostic[] {
  let positions: Positions;
  try {
    positions = indexPositions(source, file);
  } catch (error) {
    return [syntaxProblem(source, file, error)];
  }
  return positions.keys.flatMap(({ path, range }) => {
    const name = path.at(-1);
    if (typeof name !== "string" || !RESERVED.has(name)) return [];
    return [
      problem({
        code: "config/reserved-key",
        summary: `"${name}" cannot be used as a key`,
        detail: "The name is reserved: it belongs to every object of the language vmlab is written in.",
        range,
        hint: "Choose another name.",
      }),
    ];
  });
}

function syntaxProblem(source: string, file: string, error: unknown): Diagnostic {
  const { parseTOML, ParseError } = tomlParser();
  const toRange = rangeMaker(source, file);
  try {
    parseTOML(source, { tomlVersion: "1.0" });
  } catch (better) {
    if (better instanceof ParseError) {
      const start = Math.min(better.index, source.length);
      return syntaxDiagnostic(
        better.message,
        toRange({ start, end: Math.min(start + 1, source.length) }),
        source,
      );
    }
  }
  const { line, col } = error as { line?: number; col?: number };
  const message =
    errorText(error)
      .split("\n")[0]
      ?.replace(/ at row \d+, col \d+, pos \d+:$/, "") ?? "";
  if (typeof line !== "number" || typeof col !== "number") {
    return problem({
      code: "config/toml-syntax",
      summary: `${file} is not valid TOML: ${lowerFirst(message)}`,
    });
  }
  const position = { line: line + 1, column: Math.max(1, col) };
  const range = { file, start: position, end: { ...position, column: position.column + 1 } };
  return syntaxDiagnostic(message, range, source);
}

function syntaxDiagnostic(message: string, range: Range, source: string): Diagnostic {
  if (/multiple times|redefine/.test(message)) {
    const line = source.split(/\r?\n/)[range.start.line - 1] ?? "";
    const key = /^\s*\[+\s*([^\]#]*?)\s*\]/.exec(line)?.[1] ?? /^\s*([^=#]*?)\s*=/.exec(line)?.[1];
    return problem({
      code: "config/duplicate-key",
      summary: key === undefined ? "A key is defined twice" : `"${key}" is defined twice`,
      range,
      hint: "Keep one of the two.",
    });
  }
  const what = /invalid (date|time)/i.test(message) ? "there is no such date or time" : lowerFirst(message);
  return problem({ code: "config/toml-syntax", summary: `Not valid TOML: ${what}`, range });
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

interface Unusable {
  readonly path: Path;
  readonly code: string;
  readonly summary: string;
  readonly hint?: string;
  readonly detail?: string;
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

function collectUnusable(value: unknown, path: Path, found: Unusable[]): void {
  const type = typeof value;
  if (type === "string" || type === "boolean") return;
  const name = () => path.join(".");
  if (type === "number") {
    if (Number.isFinite(value)) return;
    found.push({
      path,
      code: "config/not-a-number",
      summary: `${name()} is not a finite number`,
      hint: "Write a plain number.",
    });
  } else if (type === "bigint") {
    found.push({
      path,
      code: "config/integer-too-big",
      summary: `${name()} is beyond the whole numbers that vmlab can hold exactly`,
      detail: "Whole numbers go from -9007199254740991 to 9007199254740991.",
      hint: "Use a smaller number, or write it as a string in quotes.",
    });
  } else if (Object.prototype.toString.call(value) === "[object Date]") {
    found.push({
      path,
      code: "config/date-not-supported",
      summary: `${name()} is a date or time, which no setting takes`,
      hint: "Write it as a string in quotes.",
    });
  } else if (path.length > DEEPEST) {
    found.push({
      path,
      code: "config/nested-too-deeply",
      summary: `Nested more than ${DEEPEST} levels deep`,
    });
  } else if (Array.isArray(value)) {
    value.forEach((element, index) => {
      if (!isPlain(element)) collectUnusable(element, [...path, index], found);
    });
  } else {
    const table = value as Record<string, unknown>;
    for (const key of Object.keys(table)) {
      const inner = table[key];
      // Most values are plain: no path is built for them.
      if (isPlain(inner)) continue;
      collectUnusable(inner, [...path, key], found);
    }
  }
}
