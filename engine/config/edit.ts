/**
 * Edits of lab.toml that keep everything else as it stands: comments, blank lines, the way things are written. Each
 * edit is checked by reading the result: exactly what was asked for has changed, or the edit is refused.
 */

import equal from "fast-deep-equal";
import type { AST } from "toml-eslint-parser";
import { DiagnosticsError, fail } from "../diagnostics.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { parseToml, withoutByteOrderMark } from "./toml/parse-toml.ts";
import { keyName } from "./toml/positions.ts";
import { tomlParser } from "./toml/toml-parser.ts";
import { tomlKey, tomlValue } from "./toml/write-toml.ts";

const MARK = "\uFEFF";

/**
 * Adds a table at the end of the text. `path` is its key, `["vms", "web"]`; tables in `settings` are written inline.
 * Throws diagnostics when the text is wrong, the table exists, or the place cannot take a table.
 */
export async function addTable(text: string, path: readonly string[], settings: JsonObject): Promise<string> {
  const before = await read(text);
  if (valueAt(before, path) !== undefined) {
    fail({
      code: "config/table-exists",
      summary: `[${path.join(".")}] is there already`,
      hint: "Choose another name.",
    });
  }
  const line = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = [`[${path.map(tomlKey).join(".")}]`];
  for (const [key, value] of Object.entries(settings)) lines.push(`${tomlKey(key)} = ${tomlValue(value)}`);
  const table = lines.join(line) + line;
  let above = text;
  if (above !== "" && above !== MARK && !above.endsWith("\n")) above += line;
  const gap = above === "" || above === MARK ? "" : line;
  return await verified(above + gap + table, setAt(before, path, settings), path);
}

/**
 * Removes a table with its subtables, however it is written: as `[a.b]`, as dotted keys, or as an inline value.
 * Comments on lines of their own stay; one at the end of a removed line goes with it.
 */
export async function removeTable(text: string, path: readonly string[]): Promise<string> {
  const before = await read(text);
  if (valueAt(before, path) === undefined) {
    fail({ code: "config/no-table", summary: `There is no [${path.join(".")}]` });
  }
  const mark = text.startsWith(MARK) ? MARK : "";
  const source = withoutByteOrderMark(text);
  const spans = spansOf(source, path);
  let result = source;
  for (const { start, end } of spans.toReversed()) result = cut(result, start, end);
  return await verified(mark + result, removeAt(before, path), path);
}

/** Puts another value in the place of one that is there, however its table is written. */
export async function replaceValue(text: string, path: readonly string[], value: Json): Promise<string> {
  const before = await read(text);
  const mark = text.startsWith(MARK) ? MARK : "";
  const source = withoutByteOrderMark(text);
  const node = valueAt(before, path) === undefined ? undefined : valueNode(source, path);
  if (node === undefined) fail({ code: "config/no-table", summary: `There is no ${path.join(".")}` });
  const [start, end] = node.range;
  const result = source.slice(0, start) + tomlValue(value) + source.slice(end);
  return await verified(mark + result, setAt(before, path, value), path);
}

/** The node of the value under a key; undefined where it is not written as one, as a table's never is. */
function valueNode(source: string, path: readonly string[]): AST.TOMLNode | undefined {
  const [top] = tomlParser().parseTOML(source, { tomlVersion: "1.0" }).body;
  const find = (
    nodes: readonly AST.TOMLKeyValue[],
    base: readonly (string | number)[],
  ): AST.TOMLNode | undefined => {
    for (const node of nodes) {
      const key = [...base, ...node.key.keys.map(keyName)];
      if (key.length === path.length && startsWith(key, path)) return node.value;
      if (node.value.type !== "TOMLInlineTable" || !key.every((part, index) => part === path[index]))
        continue;
      const inside = find(node.value.body, key);
      if (inside !== undefined) return inside;
    }
    return undefined;
  };
  for (const node of top.body) {
    const found = node.type === "TOMLKeyValue" ? find([node], []) : find(node.body, node.resolvedKey);
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function read(text: string): Promise<JsonObject> {
  const { document, diagnostics } = await parseToml(text, "lab.toml");
  if (document === undefined) throw new DiagnosticsError(diagnostics);
  return document;
}

export async function verified(text: string, wanted: JsonObject, path: readonly string[]): Promise<string> {
  const { document } = await parseToml(text, "lab.toml");
  // Tables that became empty may stay or go.
  if (document !== undefined && equal(withoutEmptyTables(document), withoutEmptyTables(wanted))) return text;
  return fail({
    code: "config/cannot-edit",
    summary: `[${path.join(".")}] cannot be edited here without rewriting what stands around it`,
    detail: `"${path[0]}" is written as an inline table or with dotted keys.`,
    hint: "Edit the file by hand, or write each entry as a table of its own.",
  });
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The whole lines that write the table, in order. */
function spansOf(source: string, path: readonly string[]): Span[] {
  const [top] = tomlParser().parseTOML(source, { tomlVersion: "1.0" }).body;
  const spans: Span[] = [];
  const add = (node: AST.TOMLNode) => spans.push({ start: node.range[0], end: node.range[1] });
  const addKeys = (nodes: readonly AST.TOMLKeyValue[], base: readonly (string | number)[]) => {
    for (const node of nodes) if (startsWith([...base, ...node.key.keys.map(keyName)], path)) add(node);
  };
  for (const node of top.body) {
    if (node.type === "TOMLKeyValue") addKeys([node], []);
    else if (startsWith(node.resolvedKey, path)) {
      const closing = source.indexOf("]", node.key.range[1]);
      spans.push({ start: node.range[0], end: closing + (node.kind === "array" ? 2 : 1) });
      for (const child of node.body) add(child);
    } else addKeys(node.body, node.resolvedKey);
  }
  return spans;
}

function startsWith(key: readonly (string | number)[], path: readonly string[]): boolean {
  return path.every((part, index) => key[index] === part);
}

/** Takes out the lines from `start` to `end`, and the blank line above when one is left over. */
function cut(text: string, start: number, end: number): string {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const newline = text.indexOf("\n", end);
  const to = newline < 0 ? text.length : newline + 1;
  const above = text.slice(0, from);
  const below = text.slice(to);
  const blankAbove = /(?:^|\n)\r?\n$/.exec(above);
  const blankBelow = below === "" || /^\r?\n/.test(below);
  if (blankAbove === null || !blankBelow) return above + below;
  return above.replace(/\r?\n$/, "") + below;
}

export function valueAt(document: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined;
  return value;
}

export function setAt(document: JsonObject, [key = "", ...rest]: readonly string[], value: Json): JsonObject {
  const inner = document[key];
  return {
    ...document,
    [key]: rest.length === 0 ? value : setAt(isJsonObject(inner) ? inner : {}, rest, value),
  };
}

export function removeAt(document: JsonObject, [key = "", ...rest]: readonly string[]): JsonObject {
  const { [key]: inner, ...others } = document;
  if (rest.length === 0 || !isJsonObject(inner)) return others;
  return { ...document, [key]: removeAt(inner, rest) };
}

function withoutEmptyTables(table: JsonObject): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(table)) {
    if (!isJsonObject(value)) kept[key] = value;
    else if (Object.keys(value).length > 0 || key === "") kept[key] = value;
  }
  return kept;
}
