/**
 * CEL, through @marcbachmann/cel-js (loaded when the first expression is met). Whole numbers are 64-bit integers in
 * CEL, so they go in as BigInt and come back as numbers.
 */
import type { ASTNode, Environment, ParseResult } from "@marcbachmann/cel-js";
import { errorText } from "../../diagnostics.ts";
import type { Json } from "../../json.ts";
import { registerFunctions } from "./functions.ts";
import { isUnknownValue } from "./unknown-value.ts";

/** A problem in an expression; offsets into its text. */
export interface ExpressionProblem {
  readonly summary: string;
  readonly hint?: string;
  /** The library's code, such as `no_such_key`. */
  readonly reason?: string;
  readonly start: number;
  readonly end: number;
}

export type CelOutcome = { readonly value: Json } | { readonly problem: ExpressionProblem };

export interface Cel {
  /** The syntax tree; compiled once for each text. */
  parse(text: string): { readonly ast: ASTNode } | { readonly problem: ExpressionProblem };
  /** Evaluates. Values that throw {@link UnknownValue} when read let it through. */
  evaluate(text: string, context: Readonly<Record<string, unknown>>): CelOutcome;
  /** A JSON value as CEL sees it. */
  toCel(value: Json): unknown;
}

/** Marks objects that stand for a whole resource and are no value by themselves; holds its address. */
export const RESOURCE = Symbol("resource");

let loaded: Cel | undefined;

/** Loads the library. Reading a lab that holds an expression does it. */
export async function loadCel(): Promise<Cel> {
  const library = await import("@marcbachmann/cel-js");
  loaded ??= makeCel(newEnvironment(library));
  return loaded;
}

/** CEL, once {@link loadCel} has resolved. */
export function cel(): Cel {
  if (loaded === undefined) throw new Error("loadCel() comes first");
  return loaded;
}

function newEnvironment(library: typeof import("@marcbachmann/cel-js")): Environment {
  const environment = new library.Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
  });
  for (const [name, power] of Object.entries({ KiB: 10, MiB: 20, GiB: 30, TiB: 40 })) {
    environment.registerConstant(name, "int", BigInt(2 ** power));
  }
  registerFunctions(environment, library, fromCel);
  // TOML's 2.0 reads as the whole number 2: mixed arithmetic keeps such variables usable.
  const mixed: Record<string, (a: number, b: number) => number> = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
  };
  for (const [operator, compute] of Object.entries(mixed)) {
    environment.registerOperator(`int ${operator} double`, (a: bigint, b: number) => compute(Number(a), b));
    environment.registerOperator(`double ${operator} int`, (a: number, b: bigint) => compute(a, Number(b)));
  }
  return environment;
}

function makeCel(environment: Environment): Cel {
  const compiled = new Map<string, ParseResult | { readonly problem: ExpressionProblem }>();
  const compile = (text: string) => {
    const known = compiled.get(text);
    if (known !== undefined) return known;
    let result: ParseResult | { readonly problem: ExpressionProblem };
    try {
      if (text.trim() === "")
        throw Object.assign(new Error("The expression is empty"), { summary: "the expression is empty" });
      result = environment.parse(text);
    } catch (error) {
      result = { problem: problemFrom(error, text) };
    }
    compiled.set(text, result);
    return result;
  };
  return {
    parse: compile,
    evaluate(text, context) {
      const program = compile(text);
      if ("problem" in program) return program;
      try {
        return { value: fromCel(program(context)) };
      } catch (error) {
        if (isUnknownValue(error)) throw error;
        return { problem: problemFrom(error, text) };
      }
    },
    toCel,
  };
}

function problemFrom(error: unknown, text: string): ExpressionProblem {
  const { summary, range, code } = error as {
    summary?: string;
    code?: string;
    range?: { start: number; end: number };
  };
  const start = Math.min(range?.start ?? 0, text.length);
  return {
    summary: summary ?? errorText(error).split("\n")[0] ?? "",
    ...(code === undefined ? {} : { reason: code }),
    start,
    end: Math.max(start, Math.min(range?.end ?? text.length, text.length)),
  };
}

export function toCel(value: Json): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toCel(inner)]));
}

/** A result as JSON; throws an Error that says why it is none. */
function fromCel(value: unknown): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new Error(`the result ${value} is beyond the numbers vmlab can hold exactly`);
    return number;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error("the result is not a finite number");
    return value;
  }
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Set) return [...value].map(fromCel);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), fromCel(inner)]));
  }
  if (typeof value === "object") {
    const address = (value as { [RESOURCE]?: string })[RESOURCE];
    if (address !== undefined) throw new Error(`${address} is a whole resource: name one of its attributes`);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype) {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromCel(inner)]));
    }
  }
  throw new Error("the result is neither a string, a number, true or false, a list nor a table");
}
