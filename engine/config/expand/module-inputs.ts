/** What an environment gives its module, against what the module asks for. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { InputRule, ModuleFile, Origin } from "../types.ts";
import { checkValue, hasType, plainValue, TYPE_EXAMPLES, typeOf } from "../variables.ts";

/** Inputs that are missing or that nobody asked for, and defaults that cannot be; nothing is evaluated. */
export function inputProblems(
  environment: string,
  given: JsonObject,
  module: ModuleFile,
  origin: Origin,
): Finding[] {
  const declared = declaredInputs(module);
  const findings: Finding[] = [];
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const hint = nameHint(name, Object.keys(declared), "inputs", "The module");
    findings.push({
      code: "config/unknown-input",
      summary: `The module ${module.file} has no input "${name}"`,
      origin: { ...origin, path: [...origin.path, "inputs", name] },
      spot: { part: "key" },
      ...(hint === undefined ? {} : { hint }),
    });
  }
  for (const [name, declaration] of Object.entries(declared)) {
    const place = { file: module.file, path: ["inputs", name], usedBy: { environment, origin } };
    if (declaration.default !== undefined)
      findings.push(...defaultProblems(name, declaration, declaration.default, place));
    else if (given[name] === undefined) {
      findings.push({
        code: "config/missing-input",
        summary: `environments.${environment} gives no ${name} to its module`,
        ...(typeof declaration.description === "string" ? { detail: declaration.description } : {}),
        origin,
        spot: { part: "key" },
        related: [{ message: "the module asks for it here", origin: { file: place.file, path: place.path } }],
        hint: `Add: inputs = { ${name} = … }, or give the input a default in the module.`,
      });
    }
  }
  return findings;
}

export function declaredInputs({ document }: ModuleFile): Readonly<Record<string, JsonObject>> {
  return (isJsonObject(document.inputs) ? document.inputs : {}) as Record<string, JsonObject>;
}

/** The value of an input that no use gives. */
export function defaultInput(declaration: JsonObject): Json {
  return plainValue(declaration.default ?? null) ?? null;
}

export function inputRule(declaration: JsonObject): InputRule {
  const { check } = declaration;
  return { type: typeOf(declaration), ...(typeof check === "string" ? { check } : {}) };
}

/** An input with its value. */
export interface GivenInput {
  readonly name: string;
  readonly value: Json;
  readonly rule: InputRule;
  readonly sensitive: boolean;
  /** Of the declaration in the module, and of the value. */
  readonly declaration: Origin;
  readonly origin: Origin;
}

/** What is wrong with the value of an input: its type, or its check. */
export function inputProblem({
  name,
  value,
  rule: { type, check },
  sensitive,
  declaration,
  origin,
}: GivenInput): Finding | undefined {
  if (!hasType(value, type)) {
    const shown = sensitive ? "" : `: ${JSON.stringify(value)}`;
    return {
      code: "config/wrong-type",
      summary: `The input "${name}" is not of type ${type}${shown}`,
      origin,
      hint: TYPE_EXAMPLES[type],
    };
  }
  if (check === undefined) return undefined;
  const finding = checkValue({ what: `input "${name}"`, value, check, sensitive, origin: declaration });
  if (finding === undefined || origin === declaration) return finding;
  return { ...finding, related: [{ message: "the value is given here", origin }] };
}

function defaultProblems(name: string, declaration: JsonObject, raw: Json, origin: Origin): Finding[] {
  const at = { ...origin, path: [...origin.path, "default"] };
  const value = plainValue(raw);
  if (value === undefined) {
    return [
      {
        code: "config/expression-not-allowed",
        summary: `The default of the input "${name}" holds an expression`,
        origin: at,
        hint: "A default is a plain value. Write $${ for a literal ${.",
      },
    ];
  }
  const rule = inputRule(declaration);
  const finding = inputProblem({ name, value, rule, sensitive: false, declaration: origin, origin: at });
  return finding === undefined ? [] : [finding];
}
