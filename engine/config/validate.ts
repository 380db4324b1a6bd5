/**
 * Checks a document against its schema. The validator (compiled ahead of time from schemas/) reports every rule that
 * failed; this file turns that into one finding for each mistake that a person made.
 */
import type { ErrorObject } from "ajv";
import { validate as validateLab } from "../../generated/validate-lab.js";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { nearestName } from "./nearest-name.ts";
import {
  branches,
  definition,
  expectation,
  nodeOfValue,
  resolved,
  type SchemaNode,
  schema,
} from "./schema.ts";
import { unknownKeyHint } from "./unknown-key.ts";

/** A mistake and where it is in the document. */
export interface SchemaFinding {
  readonly path: readonly (string | number)[];
  readonly part: "key" | "value";
  readonly code: string;
  readonly summary: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** Every mistake in the document of a lab, in no particular order. */
export function validateDocument(document: JsonObject): SchemaFinding[] {
  return validateLab(document) ? [] : findingsOf(document, validateLab.errors ?? [], schema);
}

/** The rules that failed in a document which `root` describes, as mistakes. */
export function findingsOf(
  document: JsonObject,
  failed: readonly ErrorObject[],
  root: SchemaNode,
): SchemaFinding[] {
  const byPath = new Map<string, ErrorObject[]>();
  for (const error of failed) {
    const list = byPath.get(error.instancePath);
    if (list === undefined) byPath.set(error.instancePath, [error]);
    else list.push(error);
  }
  const findings: SchemaFinding[] = [];
  for (const [pointer, errors] of byPath) {
    const { path, value } = resolvePointer(document, pointer);
    findings.push(...findingsAt(path, value, errors, root));
  }
  return findings;
}

function findingsAt(
  path: readonly (string | number)[],
  value: Json | undefined,
  errors: readonly ErrorObject[],
  root: SchemaNode,
): SchemaFinding[] {
  const node = nodeOfValue(path, root) ?? {};
  // A failed anyOf also lists what each branch would have wanted: one message says what the property takes.
  if (errors.some((error) => error.keyword === "anyOf")) {
    return [valueFinding(path, value, { ...node, anyOf: branches(node) })];
  }
  const findings: SchemaFinding[] = [];
  const badNames = new Set<string>();
  let aboutValue = false;
  for (const error of errors) {
    if (error.keyword === "additionalProperties") {
      findings.push(unknownKey(path, String(error.params.additionalProperty), value, root));
    } else if (error.keyword === "required") {
      findings.push(missingKey(path, String(error.params.missingProperty), root));
    } else if (error.keyword === "propertyNames" || error.propertyName !== undefined) {
      const name = String(error.propertyName ?? error.params.propertyName);
      if (!badNames.has(name)) findings.push(badName(path, name, node));
      badNames.add(name);
    } else if (!aboutValue) {
      // The first rule that a value breaks says it all.
      aboutValue = true;
      findings.push(valueFinding(path, value, node, error.keyword));
    }
  }
  return findings;
}

function valueFinding(
  path: readonly (string | number)[],
  value: Json | undefined,
  node: SchemaNode,
  keyword?: string,
): SchemaFinding {
  const name = pathText(path);
  const base = { path, part: "value" as const };
  const takes = `${name} takes ${expectation(node)}.`;
  if (keyword === "uniqueItems") {
    return {
      ...base,
      code: "config/duplicate-item",
      summary: `${name} lists an item twice`,
      hint: "Keep one of the two.",
    };
  }
  if (node.enum !== undefined && typeof value === "string") {
    const nearest = nearestName(value, node.enum);
    return {
      ...base,
      code: "config/not-allowed",
      summary: `${name} cannot be "${value}"`,
      detail: takes,
      ...(nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` }),
    };
  }
  const options = node.anyOf ?? [node];
  if (typeof value === "number" && options.some((option) => isOutOfRange(option, value))) {
    return { ...base, code: "config/out-of-range", summary: `${name} cannot be ${value}`, detail: takes };
  }
  if (typeof value === "string" && options.some((option) => option.type === "string")) {
    const code = keyword === "maxLength" ? "config/too-long" : "config/bad-value";
    return {
      ...base,
      code,
      summary: `${name} cannot be ${JSON.stringify(value)}`,
      detail: takes,
      ...hintFor(node, value),
    };
  }
  const given = value === undefined ? "nothing" : describeType(value);
  return {
    ...base,
    code: "config/wrong-type",
    summary: `${name} cannot be ${given}`,
    detail: takes,
    ...hintFor(node, value),
  };
}

function isOutOfRange(node: SchemaNode, value: number): boolean {
  if (node.type === "integer" && !Number.isInteger(value)) return false;
  return (
    (node.minimum !== undefined && value < node.minimum) ||
    (node.maximum !== undefined && value > node.maximum)
  );
}

/** Slips that can be put right in so many words. */
function hintFor(node: SchemaNode, value: Json | undefined): { hint?: string } {
  const options = node.anyOf ?? [node];
  const wants = (type: string) => options.some((option) => option.type === type);
  if (typeof value === "string" && wants("integer") && /^\d+$/.test(value))
    return { hint: `Leave the quotes away: ${value}` };
  if (typeof value === "string" && wants("boolean") && /^(true|false)$/.test(value))
    return { hint: `Leave the quotes away: ${value}` };
  if (wants("array") && typeof value === "string")
    return { hint: `Write a list: [${JSON.stringify(value)}]` };
  const anyString = options.some((option) => option.type === "string" && option.pattern === undefined);
  if (anyString && (typeof value === "number" || typeof value === "boolean"))
    return { hint: `Put it in quotes: "${value}"` };
  return {};
}

function unknownKey(
  path: readonly (string | number)[],
  key: string,
  table: Json | undefined,
  root: SchemaNode,
): SchemaFinding {
  const allowed = Object.keys(nodeOfValue(path, root)?.properties ?? {});
  const value = isJsonObject(table) ? table[key] : undefined;
  const hint = unknownKeyHint(path, key, value, allowed, root);
  return {
    path: [...path, key],
    part: "key",
    code: "config/unknown-key",
    summary: path.length === 0 ? `There is no table [${key}]` : `${pathText(path)} has no setting "${key}"`,
    ...(hint === undefined ? {} : { hint }),
  };
}

function missingKey(path: readonly (string | number)[], key: string, root: SchemaNode): SchemaFinding {
  const wanted = nodeOfValue([...path, key], root);
  const example = path.length === 0 && key === "lab" ? 'lab = { name = "demo" }' : `${key} = …`;
  return {
    path,
    part: "key",
    code: "config/missing-key",
    summary:
      path.length === 0
        ? `${root === schema ? "lab.toml" : "The module"} lacks [${key}]`
        : `${pathText(path)} lacks ${key}`,
    ...(wanted?.description === undefined ? {} : { detail: wanted.description }),
    hint: `Add: ${example}`,
  };
}

function badName(path: readonly (string | number)[], name: string, table: SchemaNode): SchemaFinding {
  const rule = table.propertyNames ?? { $ref: "#/definitions/Name" };
  const fixed = suggestedName(name, resolved(rule).pattern === definition("ValueName").pattern ? "_" : "-");
  return {
    path: [...path, name],
    part: "key",
    code: "config/bad-name",
    summary: `"${name}" cannot be a name in ${pathText(path)}`,
    detail: `A name is ${expectation(resolved(rule))}.`,
    ...(fixed === undefined ? {} : { hint: `Possible: ${fixed}` }),
  };
}

function suggestedName(name: string, joiner: string): string | undefined {
  const fixed = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, joiner)
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/[^a-z0-9]+$/, "");
  return fixed === "" || fixed === name ? undefined : fixed;
}

/** `vms.web.ports[0]`. */
function pathText(path: readonly (string | number)[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join("");
}

function describeType(value: Json): string {
  if (Array.isArray(value)) return "a list";
  if (isJsonObject(value)) return "a table";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" && !Number.isInteger(value) ? `${value}` : `the number ${String(value)}`;
}

function resolvePointer(
  document: JsonObject,
  pointer: string,
): { path: (string | number)[]; value: Json | undefined } {
  const path: (string | number)[] = [];
  let value: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(value)) {
      path.push(Number(key));
      value = value[Number(key)] as Json | undefined;
    } else {
      path.push(key);
      value = isJsonObject(value) ? value[key] : undefined;
    }
  }
  return { path, value };
}
