/**
 * From a value as written, or as an expression made it, to the value inside (bytes, milliseconds, normalised ports):
 * the same rules when planning and when applying.
 */
import type { Json } from "../json.ts";
import { parsePort, portText } from "./ports.ts";
import { branches, definition, expectation, resolved, type SchemaNode } from "./schema.ts";
import { parseDuration, parseSize } from "./sizes.ts";

export type PropertyKind =
  /** Any string, also empty. */
  | "string"
  | "text"
  | "user"
  | "guest-path"
  | "cpus"
  | "count"
  | "mtu"
  | "size"
  | "duration"
  | "boolean"
  | "port"
  | "json";

export type Normalised = { readonly value: Json } | { readonly wrong: string };

const ANY_TEXT = /^/;
const NOT_EMPTY = /./s;
const USER_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const ABSOLUTE = /^\//;

const vm = definition("Vm").properties ?? {};

const CPUS = integerRule(vm.cpus);
const COUNT = integerRule(vm.count);
const MTU = integerRule(definition("Network").properties?.mtu);

function integerRule(node: SchemaNode | undefined): SchemaNode {
  return branches(node ?? {}).find((branch) => branch.type === "integer") ?? {};
}

/** `wrong` says what the property takes. */
export function normaliseValue(kind: PropertyKind, value: Json): Normalised {
  switch (kind) {
    case "json":
      return { value };
    case "string":
      return matching(value, ANY_TEXT, "a string");
    case "text":
      return matching(value, NOT_EMPTY, "a string that is not empty");
    case "user":
      return matching(value, USER_NAME, expectation(definition("Login").properties?.user ?? {}));
    case "guest-path":
      return matching(value, ABSOLUTE, expectation(definition("GuestFile").properties?.to ?? {}));
    case "cpus":
      return integer(value, CPUS);
    case "count":
      return integer(value, COUNT);
    case "mtu":
      return integer(value, MTU);
    case "size": {
      const bytes = parseSize(value);
      return bytes === undefined ? { wrong: expectation(definition("Size")) } : { value: bytes };
    }
    case "duration": {
      const milliseconds = parseDuration(value);
      return milliseconds === undefined
        ? { wrong: expectation(definition("Duration")) }
        : { value: milliseconds };
    }
    case "boolean":
      return typeof value === "boolean" ? { value } : { wrong: "true or false" };
    case "port": {
      const text = scalarText(value);
      const port = text === undefined ? undefined : parsePort(text);
      return port === undefined
        ? { wrong: expectation(resolved(vm.ports?.items ?? {})) }
        : { value: portText(port) };
    }
  }
}

/** Numbers and truth values may stand where text is wanted: an expression keeps its type. */
function scalarText(value: Json): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function matching(value: Json, rule: RegExp, expected: string): Normalised {
  const text = scalarText(value);
  return text === undefined || !rule.test(text) ? { wrong: expected } : { value: text };
}

function integer(value: Json, rule: SchemaNode): Normalised {
  const fits =
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= (rule.minimum ?? Number.NEGATIVE_INFINITY) &&
    value <= (rule.maximum ?? Number.POSITIVE_INFINITY);
  return fits ? { value } : { wrong: expectation(rule) };
}
