/** The values of the lab's variables: default < VMLAB_VAR_NAME < --var-file < --var. */
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { cel, loadCel } from "./expressions/cel.ts";
import { literalText } from "./expressions/template.ts";
import type { Finding } from "./findings.ts";
import { nameHint } from "./nearest-name.ts";
import { parseToml } from "./toml/parse-toml.ts";
import type { Origin, VariableValue } from "./types.ts";

export type VariableType = "string" | "integer" | "number" | "boolean" | "list" | "map";

/** A value from outside lab.toml. */
interface GivenValue {
  /** Text from a command line or the environment, or a TOML value from a var file. */
  readonly value: { readonly text: string } | { readonly json: Json };
  /** `--var workers`, `VMLAB_VAR_workers`, `prod.toml`. */
  readonly from: string;
  readonly origin?: Origin;
}

export interface GivenVariables {
  /** NAME=VALUE, as given with --var. */
  readonly assignments: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Parsed var files, in order. */
  readonly files: readonly { readonly path: string; readonly document: JsonObject }[];
}

export interface Variables {
  readonly values: Readonly<Record<string, VariableValue>>;
  readonly findings: readonly Finding[];
}

/** Resolves every declared variable. `originOf` tells where `vars.NAME` was declared. */
export async function resolveVariables(
  declarations: JsonObject,
  given: GivenVariables,
  originOf: (name: string) => Origin | undefined,
): Promise<Variables> {
  const findings: Finding[] = [];
  const names = Object.keys(declarations);
  const values: Record<string, VariableValue> = {};
  const outside = collectGiven(names, given, findings);
  for (const name of names) {
    const declaration = declarations[name];
    if (!isJsonObject(declaration)) continue;
    const origin = originOf(name);
    const place = origin === undefined ? {} : { origin };
    const sensitive = declaration.sensitive === true;
    const type = typeOf(declaration);
    const from = outside.get(name);
    let value: Json | undefined;
    if (from === undefined) {
      if (declaration.default === undefined) {
        findings.push({
          code: "config/missing-variable",
          summary: `The variable "${name}" has no value`,
          ...(typeof declaration.description === "string" ? { detail: declaration.description } : {}),
          ...place,
          spot: { part: "key" },
          hint: `Give it with --var ${name}=VALUE, in a file with --var-file, or as VMLAB_VAR_${name}; or write a default.`,
        });
        continue;
      }
      value = plainValue(declaration.default);
      if (value === undefined || !hasType(value, type)) {
        const why = value === undefined ? "holds an expression" : `is not of type ${type}`;
        findings.push({
          code: value === undefined ? "config/expression-not-allowed" : "config/wrong-type",
          summary: `The default of the variable "${name}" ${why}`,
          ...(origin === undefined ? {} : { origin: { ...origin, path: [...origin.path, "default"] } }),
          ...(value === undefined ? { hint: "A default is a plain value. Write $${ for a literal ${." } : {}),
        });
        continue;
      }
    } else {
      value = "json" in from.value ? from.value.json : await parseText(from.value.text, type);
      if (value === undefined || !hasType(value, type)) {
        const shown = sensitive || !("text" in from.value) ? "" : `: ${JSON.stringify(from.value.text)}`;
        findings.push({
          code: "config/wrong-type",
          summary: `${from.from} is not of type ${type}${shown}`,
          ...(from.origin === undefined ? place : { origin: from.origin }),
          hint: TYPE_EXAMPLES[type],
        });
        continue;
      }
    }
    if (typeof declaration.check === "string") {
      await loadCel();
      const what = `variable "${name}"`;
      const finding = checkValue({ what, value, check: declaration.check, sensitive, origin });
      if (finding !== undefined) {
        findings.push(
          from === undefined
            ? finding
            : { ...finding, detail: `${finding.detail ?? ""}\nThe value comes from ${from.from}.`.trim() },
        );
        continue;
      }
    }
    values[name] = { value, sensitive };
  }
  return { values, findings };
}

export const TYPE_EXAMPLES: Readonly<Record<VariableType, string>> = {
  string: 'A string, such as "abc".',
  integer: "A whole number, such as 3.",
  number: "A number, such as 1.5.",
  boolean: "true or false.",
  list: 'A list, such as ["a", "b"] or, on the command line, a,b.',
  map: "A table, such as { a = 1 }, also on the command line.",
};

/** The declared type, else that of the default, else string. */
export function typeOf(declaration: JsonObject): VariableType {
  if (typeof declaration.type === "string") return declaration.type as VariableType;
  const value = declaration.default;
  if (Array.isArray(value)) return "list";
  if (isJsonObject(value)) return "map";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return "string";
}

export function hasType(value: Json, type: VariableType): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value);
    case "map":
      return isJsonObject(value);
  }
}

/** The value with `$${` turned into `${`; undefined when a string in it holds an expression. */
export function plainValue(value: Json): Json | undefined {
  if (typeof value === "string") return literalText(value);
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => plainValue(item));
    return items.includes(undefined) ? undefined : (items as Json[]);
  }
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, plainValue(inner)] as const);
  return entries.some(([, inner]) => inner === undefined)
    ? undefined
    : (Object.fromEntries(entries) as JsonObject);
}

/** A value from a command line or the environment; undefined when it does not read as the type. */
async function parseText(text: string, type: VariableType): Promise<Json | undefined> {
  switch (type) {
    case "string":
      return text;
    case "integer":
      return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "list":
    case "map": {
      if (type === "list" && !text.trimStart().startsWith("[")) return text === "" ? [] : text.split(",");
      const { document } = await parseToml(`value = ${text}`, "value");
      return document?.value ?? parseJson(text);
    }
  }
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function collectGiven(
  names: readonly string[],
  given: GivenVariables,
  findings: Finding[],
): Map<string, GivenValue> {
  const values = new Map<string, GivenValue>();
  for (const name of names) {
    // As the variable is written, or in capitals as environment variables usually are.
    for (const key of [`VMLAB_VAR_${name.toUpperCase()}`, `VMLAB_VAR_${name}`]) {
      const text = given.env[key];
      if (text !== undefined) values.set(name, { value: { text }, from: key });
    }
  }
  for (const { path, document } of given.files) {
    for (const [name, json] of Object.entries(document)) {
      const origin = { file: path, path: [name] };
      if (names.includes(name)) values.set(name, { value: { json }, from: `${name} in ${path}`, origin });
      else findings.push(unknownVariable(name, `${path} sets`, names, origin));
    }
  }
  for (const assignment of given.assignments) {
    const at = assignment.indexOf("=");
    const name = at < 0 ? assignment : assignment.slice(0, at);
    if (at < 0) {
      findings.push({
        code: "config/bad-assignment",
        summary: `--var ${assignment} has no value`,
        hint: "Write --var NAME=VALUE.",
      });
    } else if (names.includes(name)) {
      values.set(name, { value: { text: assignment.slice(at + 1) }, from: `--var ${name}` });
    } else findings.push(unknownVariable(name, "--var sets", names));
  }
  return values;
}

function unknownVariable(name: string, how: string, names: readonly string[], origin?: Origin): Finding {
  const hint = nameHint(name, names, "variables");
  return {
    code: "config/unknown-variable",
    summary: `${how} the variable "${name}", which the lab does not declare`,
    ...(origin === undefined ? {} : { origin, spot: { part: "key" as const } }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** A value that its declaration has a condition on. */
export interface CheckedValue {
  /** Such as `variable "workers"`. */
  readonly what: string;
  readonly value: Json;
  /** Bare CEL on `value`. */
  readonly check: string;
  readonly sensitive: boolean;
  /** Of the declaration. */
  readonly origin: Origin | undefined;
}

/** What is wrong with a value by its check; CEL is loaded. */
export function checkValue({ what, value, check, sensitive, origin }: CheckedValue): Finding | undefined {
  const outcome = cel().evaluate(check, { value: cel().toCel(value) });
  const place = origin === undefined ? {} : { origin: { ...origin, path: [...origin.path, "check"] } };
  if ("problem" in outcome) {
    const { summary, start, end } = outcome.problem;
    return {
      code: "config/bad-expression",
      summary: `The check of the ${what} fails: ${summary}`,
      ...place,
      spot: { span: { start, end } },
    };
  }
  if (outcome.value === true) return undefined;
  if (outcome.value !== false) {
    return {
      code: "config/wrong-type",
      summary: `The check of the ${what} is neither true nor false`,
      ...place,
    };
  }
  const shown = sensitive ? "Its value" : `The value ${JSON.stringify(value)}`;
  return {
    code: "config/variable-check",
    summary: `The ${what} fails its check`,
    detail: `${shown} does not satisfy: ${check}`,
    ...place,
  };
}
