/**
 * The schemas of lab.toml and of modules as data: what messages, change classes and re-checks after evaluation are
 * derived from.
 */
import labSchema from "../../schemas/lab.schema.json" with { type: "json" };
import moduleFileSchema from "../../schemas/module.schema.json" with { type: "json" };
import type { Json } from "../json.ts";

/** The parts of a schema that vmlab reads. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly propertyNames?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
  /** How a change is carried out. */
  readonly "x-change"?: "live" | "restart" | "replace" | "grow" | "provision";
  /** What a value looks like, in words: for messages. */
  readonly "x-expects"?: string;
  /** The value is the name of an entry of this table. */
  readonly "x-names"?: string;
}

export const schema: SchemaNode = labSchema as SchemaNode;
/** Refers to definitions of {@link schema}. */
export const moduleSchema: SchemaNode = moduleFileSchema as SchemaNode;

/** A definition by name. */
export function definition(name: string): SchemaNode {
  return schema.definitions?.[name] ?? {};
}

/** The node without its `$ref`: the referenced definition, with what stands beside the reference on top. */
export function resolved(node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const { $ref, ...beside } = node;
  return { ...resolved(referenced($ref)), ...beside };
}

/** What `#/definitions/Vm`, or such a pointer into the lab's schema from another one, leads to. */
function referenced($ref: string): SchemaNode {
  const [, first, name = "", ...rest] = $ref.split("/");
  if (first === "definitions" && rest.length === 0) return definition(name);
  let node: unknown = schema;
  for (const key of $ref.split("/").slice(1))
    node = (node as Readonly<Record<string, unknown>> | undefined)?.[key];
  return (node ?? {}) as SchemaNode;
}

/** The defaults of a definition's properties. */
export function defaultsOf(name: string): Readonly<Record<string, Json>> {
  const defaults: Record<string, Json> = {};
  for (const [key, node] of Object.entries(definition(name).properties ?? {})) {
    const value = resolved(node).default;
    if (value !== undefined) defaults[key] = value as Json;
  }
  return defaults;
}

/** The schema node of a value in a document: of lab.toml, or of what `root` describes. */
export function nodeOfValue(path: readonly (string | number)[], root = schema): SchemaNode | undefined {
  let node: SchemaNode = root;
  for (const key of path) {
    const table = resolved(node);
    const next: SchemaNode | boolean | undefined =
      typeof key === "number" ? table.items : (table.properties?.[key] ?? table.additionalProperties);
    if (typeof next !== "object") return undefined;
    node = next;
  }
  return resolved(node);
}

/** The branches of a property that are no expression. */
export function branches(node: SchemaNode): readonly SchemaNode[] {
  if (node.anyOf === undefined) return [node];
  return node.anyOf.filter((branch) => branch.$ref !== "#/definitions/Expression").map(resolved);
}

/** What a value at this node looks like, in words. */
export function expectation(node: SchemaNode): string {
  if (node["x-expects"] !== undefined) return node["x-expects"];
  if (node.enum !== undefined) return `one of ${node.enum.map((value) => `"${value}"`).join(", ")}`;
  if (node.anyOf !== undefined) return branches(node).map(expectation).join(" or ");
  switch (node.type) {
    case "integer":
      return `a whole number${bounds(node)}`;
    case "number":
      return `a number${bounds(node)}`;
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
      return "a table";
    case "string":
      return node.minLength === undefined ? "a string" : "a string that is not empty";
    default:
      return "another value";
  }
}

function bounds({ minimum, maximum }: SchemaNode): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  return "";
}
