/** Settings of a VM in layers, lowest first: template, environment defaults, the VM. Tables merge, lists replace. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Origin } from "../types.ts";

export interface Layer {
  readonly table: JsonObject;
  readonly origin: Origin;
}

/** One table out of all layers. */
export function mergeLayers(layers: readonly Layer[]): JsonObject {
  let merged: JsonObject = {};
  for (const [index, { table }] of layers.entries())
    merged = index === 0 ? table : mergeTables(merged, table);
  return merged;
}

function mergeTables(below: JsonObject, above: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = merged[key];
    merged[key] = isJsonObject(old) && isJsonObject(value) ? mergeTables(old, value) : value;
  }
  return merged;
}

/** Where the value at a path of the merged table was written; the highest layer itself when nowhere. */
export function originInLayers(layers: readonly Layer[], path: readonly (string | number)[]): Origin {
  for (const { table, origin } of layers.toReversed()) {
    if (valueAt(table, path) !== undefined) return { ...origin, path: [...origin.path, ...path] };
  }
  const top = layers.at(-1);
  return top?.origin ?? { file: "lab.toml", path: [] };
}

function valueAt(table: JsonObject, path: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = table;
  for (const key of path) {
    if (typeof key === "number") value = Array.isArray(value) ? (value[key] as Json | undefined) : undefined;
    else value = isJsonObject(value) ? value[key] : undefined;
  }
  return value;
}
