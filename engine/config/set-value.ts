/** Sets and removes single values of a table at the top of a TOML file; everything else stays as it stands. */
import type { AST } from "toml-eslint-parser";
import type { Json } from "../json.ts";
import { addTable, read, removeAt, removeTable, replaceValue, setAt, valueAt, verified } from "./edit.ts";
import { withoutByteOrderMark } from "./toml/parse-toml.ts";
import { keyName } from "./toml/positions.ts";
import { tomlParser } from "./toml/toml-parser.ts";
import { tomlKey, tomlValue } from "./toml/write-toml.ts";

/** The table and the key in it. */
export type ValuePath = readonly [table: string, key: string];

/** Adds the value, or puts it in the place of the one that is there. Throws diagnostics when the text is wrong. */
export async function setValue(text: string, path: ValuePath, value: Json): Promise<string> {
  const before = await read(text);
  if (valueAt(before, path) !== undefined) return await replaceValue(text, path, value);
  const source = withoutByteOrderMark(text);
  const mark = text.slice(0, text.length - source.length);
  const [table, key] = path;
  const place = placeFor(source, table);
  if (place === undefined) return await addTable(text, [table], { [key]: value });
  const entry = `${tomlKey(key)} = ${tomlValue(value)}`;
  const result =
    place.kind === "inline"
      ? insert(source, place.at, place.first ? ` ${entry} ` : `, ${entry}`)
      : insertLine(source, place.after, place.kind === "dotted" ? `${tomlKey(table)}.${entry}` : entry);
  return await verified(mark + result, setAt(before, path, value), path);
}

/** Removes a value that is there, with the line that it stands on. A table that becomes empty stays. */
export async function removeValue(text: string, path: ValuePath): Promise<string> {
  const before = await read(text);
  const source = withoutByteOrderMark(text);
  const pairs = inlineTable(source, path[0])?.body ?? [];
  const index = pairs.findIndex(({ key }) => key.keys.map(keyName).join(".") === path[1]);
  const pair = pairs[index];
  if (pair === undefined) return await removeTable(text, path);
  const mark = text.slice(0, text.length - source.length);
  const [next, last] = [pairs[index + 1], pairs[index - 1]];
  // With the comma that parted it from its neighbour.
  const [from, to] =
    next !== undefined
      ? [pair.range[0], next.range[0]]
      : [last === undefined ? pair.range[0] : last.range[1], pair.range[1]];
  return await verified(mark + source.slice(0, from) + source.slice(to), removeAt(before, path), path);
}

type Place =
  /** On a line of its own behind the line that ends at or after this offset. */
  | { readonly kind: "table" | "dotted"; readonly after: number }
  | { readonly kind: "inline"; readonly at: number; readonly first: boolean };

/** However the table is written; undefined when it is not. */
function placeFor(source: string, table: string): Place | undefined {
  const inline = inlineTable(source, table);
  if (inline !== undefined) {
    const last = inline.body.at(-1);
    return { kind: "inline", at: last?.range[1] ?? inline.range[0] + 1, first: last === undefined };
  }
  let place: Place | undefined;
  for (const node of topNodes(source)) {
    if (node.type === "TOMLTable") {
      if (node.kind !== "standard" || node.resolvedKey.length !== 1 || node.resolvedKey[0] !== table)
        continue;
      return { kind: "table", after: node.body.at(-1)?.range[1] ?? node.key.range[1] };
    }
    const [first] = node.key.keys;
    if (first !== undefined && keyName(first) === table) place = { kind: "dotted", after: node.range[1] };
  }
  return place;
}

function inlineTable(source: string, table: string): AST.TOMLInlineTable | undefined {
  for (const node of topNodes(source)) {
    if (node.type !== "TOMLKeyValue" || node.value.type !== "TOMLInlineTable") continue;
    if (node.key.keys.map(keyName).join(".") === table) return node.value;
  }
  return undefined;
}

function topNodes(source: string): readonly (AST.TOMLKeyValue | AST.TOMLTable)[] {
  const [top] = tomlParser().parseTOML(source, { tomlVersion: "1.0" }).body;
  return top.body;
}

function insert(source: string, at: number, text: string): string {
  return source.slice(0, at) + text + source.slice(at);
}

/** Indented as the line before it. */
function insertLine(source: string, after: number, text: string): string {
  const line = source.includes("\r\n") ? "\r\n" : "\n";
  const begin = source.lastIndexOf("\n", after - 1) + 1;
  const indent = /^[ \t]*/.exec(source.slice(begin))?.[0] ?? "";
  const newline = source.indexOf("\n", after);
  if (newline < 0) return `${source}${line}${indent}${text}${line}`;
  return insert(source, newline + 1, `${indent}${text}${line}`);
}
