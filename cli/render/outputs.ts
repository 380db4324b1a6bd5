/** Outputs of a lab; sensitive ones masked. */
import type { Json } from "../../engine/json.ts";
import { pad } from "./text-width.ts";

export type Outputs = Readonly<Record<string, { readonly value: Json; readonly sensitive: boolean }>>;

/** `api = "https://…"`, aligned, in the order of names. */
export function outputLines(outputs: Outputs): string[] {
  const entries = Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(
    ([name, { value, sensitive }]) => `${pad(name, width)} = ${sensitive ? "(sensitive)" : valueText(value)}`,
  );
}

/** Strings in quotes, everything else as JSON. */
export function valueText(value: Json): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : JSON.stringify(value);
}
