/**
 * Strings with `${…}` in them. Inside the braces stands one CEL expression; the scanner skips CEL's strings, comments
 * and nested braces to find its end. `$${` is a literal `${`.
 */

export interface Template {
  readonly parts: readonly TemplatePart[];
  /** The string is nothing but one expression, so that the expression's type is kept. */
  readonly whole: boolean;
}

/** Offsets are into the string. */
export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expression"; readonly text: string; readonly start: number; readonly end: number };

export interface TemplateProblem {
  readonly summary: string;
  readonly hint: string;
  readonly start: number;
  readonly end: number;
}

/** True for strings that must go through {@link parseTemplate}: with an expression or an escaped one. */
export function mayHoldExpression(value: unknown): value is string {
  return typeof value === "string" && value.includes("${");
}

export function parseTemplate(value: string): Template | { readonly problem: TemplateProblem } {
  const parts: TemplatePart[] = [];
  let text = "";
  let at = 0;
  for (let next = value.indexOf("${"); next >= 0; next = value.indexOf("${", at)) {
    if (next > at && value[next - 1] === "$") {
      text += `${value.slice(at, next - 1)}\${`;
      at = next + 2;
      continue;
    }
    const end = endOfExpression(value, next + 2);
    if (end === undefined) {
      return {
        problem: {
          summary: "The expression has no closing brace",
          hint: "Write $${ for a literal ${.",
          start: next,
          end: value.length,
        },
      };
    }
    text += value.slice(at, next);
    if (text !== "") parts.push({ kind: "text", text });
    text = "";
    parts.push({ kind: "expression", text: value.slice(next + 2, end), start: next + 2, end });
    at = end + 1;
  }
  text += value.slice(at);
  if (text !== "") parts.push({ kind: "text", text });
  return { parts, whole: parts.length === 1 && parts[0]?.kind === "expression" };
}

/** The string with `$${` replaced by `${`; undefined when it holds an expression. */
export function literalText(value: string): string | undefined {
  if (!value.includes("${")) return value;
  const template = parseTemplate(value);
  if ("problem" in template) return undefined;
  return template.parts.every((part) => part.kind === "text")
    ? template.parts.map((part) => part.text).join("")
    : undefined;
}

/** Index of the brace that ends the expression which begins at `start`. */
function endOfExpression(value: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const character = value[at];
    if (character === "'" || character === '"') {
      const end = endOfString(value, at);
      if (end === undefined) return undefined;
      at = end;
    } else if (character === "/" && value[at + 1] === "/") {
      const newline = value.indexOf("\n", at);
      if (newline < 0) return undefined;
      at = newline;
    } else if (character === "{") depth += 1;
    else if (character === "}") {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return undefined;
}

/** Index of the last quote of a CEL string; `r` in front of it makes backslashes plain. */
function endOfString(value: string, start: number): number | undefined {
  const quote = value[start] ?? "";
  const raw = /(?:^|[^A-Za-z0-9_])(?:[rR][bB]?|[bB][rR])$/.test(value.slice(Math.max(0, start - 3), start));
  const long = value.startsWith(quote.repeat(3), start);
  const closing = long ? quote.repeat(3) : quote;
  for (let at = start + closing.length; at < value.length; at++) {
    if (!raw && value[at] === "\\") at += 1;
    else if (value.startsWith(closing, at)) return at + closing.length - 1;
  }
  return undefined;
}
