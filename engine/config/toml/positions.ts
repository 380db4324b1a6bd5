/**
 * Places in a TOML text: from a path of keys to lines and columns. Built on toml-eslint-parser's syntax tree, which is
 * exact but slow (seconds for a megabyte), so only for what is shown to somebody.
 */
import type { AST } from "toml-eslint-parser";
import type { Range } from "../../diagnostics.ts";
import type { Spot } from "../types.ts";
import { offsetInString } from "./string-offset.ts";
import { tomlParser } from "./toml-parser.ts";

export type Path = readonly (string | number)[];

export interface Positions {
  /** The range at a path, or of the nearest table above it that is written in the text. */
  find(path: Path, spot?: Spot): Range | undefined;
  /** Every key in the text, in order, with its path. */
  readonly keys: readonly { readonly path: Path; readonly range: Range }[];
}

interface Entry {
  readonly key?: Span;
  readonly value?: Span;
  readonly isString?: boolean;
}

/** Offsets into the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Indexes a text that is known to be valid TOML. `text` has no byte order mark. Needs {@link loadTomlParser}. */
export function indexPositions(text: string, file: string): Positions {
  const { parseTOML } = tomlParser();
  return new PositionIndex(text, file, parseTOML(text, { tomlVersion: "1.0" }));
}

class PositionIndex implements Positions {
  readonly keys: { path: Path; range: Range }[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #toRange: (span: Span) => Range;
  readonly #text: string;

  constructor(text: string, file: string, program: AST.TOMLProgram) {
    this.#text = text;
    this.#toRange = rangeMaker(text, file);
    const top = program.body[0];
    for (const node of top.body) {
      if (node.type === "TOMLKeyValue") this.#addKeyValue(node, []);
      else {
        this.#addHeader(node);
        for (const child of node.body) this.#addKeyValue(child, node.resolvedKey);
      }
    }
  }

  find(path: Path, spot: Spot = {}): Range | undefined {
    const exact = this.#entries.get(id(path));
    if (exact !== undefined) return this.#rangeOf(exact, spot);
    for (let length = path.length - 1; length > 0; length--) {
      const entry = this.#entries.get(id(path.slice(0, length)));
      if (entry !== undefined) return this.#rangeOf(entry, { part: "key" });
    }
    return undefined;
  }

  #rangeOf(entry: Entry, spot: Spot): Range | undefined {
    const { key, value } = entry;
    if (spot.span !== undefined && value !== undefined && entry.isString) {
      const inner = (offset: number) =>
        value.start + offsetInString(this.#text.slice(value.start, value.end), offset);
      return this.#toRange({ start: inner(spot.span.start), end: inner(spot.span.end) });
    }
    const span = spot.part === "key" ? (key ?? value) : (value ?? key);
    return span === undefined ? undefined : this.#toRange(span);
  }

  /** `[a.b]`: the last part is the table's own key, the parts before it may be written nowhere else. */
  #addHeader(node: AST.TOMLTable): void {
    const parts = node.key.keys;
    const path: (string | number)[] = [];
    let part = 0;
    for (const key of node.resolvedKey) {
      path.push(key);
      if (typeof key === "string") {
        const at = parts[part++];
        if (at !== undefined) this.#addKey(path, at, path.length >= node.resolvedKey.length - 1);
      } else {
        const at = parts[part - 1];
        if (at !== undefined && !this.#entries.has(id(path))) this.#entries.set(id(path), { key: span(at) });
      }
    }
  }

  #addKeyValue(node: AST.TOMLKeyValue, base: Path): void {
    const path = [...base];
    node.key.keys.forEach((key, index) => {
      path.push(keyName(key));
      this.#addKey(path, key, index === node.key.keys.length - 1);
    });
    this.#addValue(node.value, path);
  }

  #addKey(path: Path, node: AST.TOMLBare | AST.TOMLQuoted, own: boolean): void {
    this.keys.push({ path: [...path], range: this.#toRange(span(node)) });
    if (own || !this.#entries.has(id(path))) this.#entries.set(id(path), { key: span(node) });
  }

  #addValue(node: AST.TOMLContentNode, path: Path): void {
    const isString = node.type === "TOMLValue" && node.kind === "string";
    this.#entries.set(id(path), { ...this.#entries.get(id(path)), value: span(node), isString });
    if (node.type === "TOMLArray") {
      node.elements.forEach((element, index) => {
        this.#addValue(element, [...path, index]);
      });
    } else if (node.type === "TOMLInlineTable") {
      for (const child of node.body) this.#addKeyValue(child, path);
    }
  }
}

function id(path: Path): string {
  return JSON.stringify(path);
}

function span(node: AST.TOMLNode): Span {
  return { start: node.range[0], end: node.range[1] };
}

export function keyName(node: AST.TOMLBare | AST.TOMLQuoted): string {
  return node.type === "TOMLBare" ? node.name : node.value;
}

/** From offsets to lines and columns, both counted from 1; a column is a UTF-16 code unit, as editors count. */
export function rangeMaker(text: string, file: string): (span: Span) => Range {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const position = (offset: number) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
  return (span) => ({ file, start: position(span.start), end: position(span.end) });
}
