/** Whether a JSON value is a state. By hand and not by schema: it runs at every start, over every resource. */
import { isJsonObject } from "../json.ts";

type Kind = "string" | "number" | "boolean" | "object" | "strings";
type Fields = readonly (readonly [name: string, kind: Kind])[];

const STATE: Fields = [
  ["version", "number"],
  ["lineage", "string"],
  ["serial", "number"],
  ["host", "string"],
  ["folder", "string"],
  ["home", "string"],
  ["lab", "string"],
  ["tool", "string"],
  ["sensitiveKey", "string"],
  ["journalSequence", "number"],
  ["resources", "object"],
  ["outputs", "object"],
  ["intents", "object"],
];

const RESOURCE: Fields = [
  ["address", "string"],
  ["type", "string"],
  ["name", "string"],
  ["provider", "string"],
  ["generation", "number"],
  ["phase", "string"],
  ["inputs", "object"],
  ["attributes", "object"],
  ["dependsOn", "strings"],
  ["preventDestroy", "boolean"],
];

const INTENT: Fields = [
  ["operation", "string"],
  ["address", "string"],
  ["step", "string"],
  ["since", "number"],
];

/** The first thing that is not as a state has it, as a phrase; undefined for a state. */
export function shapeProblem(value: unknown): string | undefined {
  return (
    fieldProblem(value, () => "", STATE) ??
    eachProblem(value, "resources", RESOURCE) ??
    eachProblem(value, "intents", INTENT) ??
    eachProblem(value, "outputs", [["sensitive", "boolean"]])
  );
}

function eachProblem(state: unknown, table: string, fields: Fields): string | undefined {
  if (!isJsonObject(state)) return undefined;
  const values = (state[table] ?? {}) as Record<string, unknown>;
  for (const key of Object.keys(values)) {
    const value = values[key];
    const problem = fieldProblem(value, () => `${table}["${key}"]`, fields);
    if (problem !== undefined) return problem;
    if (table === "resources" && isJsonObject(value) && value.address !== key) {
      return `resources["${key}"] holds another address, ${String(value.address)}`;
    }
  }
  return undefined;
}

/** `path` is asked only when there is a problem: no text is made for what is right. */
function fieldProblem(value: unknown, path: () => string, fields: Fields): string | undefined {
  if (!isJsonObject(value)) return `${path() || "the state"} is not an object`;
  const wrong = fields.find(([name, kind]) => !isKind(value[name], kind));
  if (wrong === undefined) return undefined;
  const [name, kind] = wrong;
  const place = path() === "" ? name : `${path()}.${name}`;
  if (value[name] === undefined) return `${place} is missing`;
  return `${place} is not ${kind === "strings" ? "a list of strings" : `a ${kind}`}`;
}

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === "object") return isJsonObject(value);
  if (kind === "strings") return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (kind === "number") return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return typeof value === kind;
}
