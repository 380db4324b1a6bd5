/** A VM's recorded inputs as people would declare them. */
import { isJsonObject, type Json, type JsonObject } from "../engine/json.ts";
import { isDeferred } from "../engine/plan/compare-inputs.ts";

export interface DeclaredSettings {
  /** A table for lab.toml. */
  readonly settings: JsonObject;
  /** Dotted keys that are not in it, because the record holds only hashes of their sensitive values. */
  readonly left: readonly string[];
}

/** Those settings that keep the next plan from changing the machine itself. */
export function declaredSettings(inputs: JsonObject): DeclaredSettings {
  const left: string[] = [];
  const kept = inputs.role === undefined ? ["image"] : ["role"];
  const settings: Record<string, Json> = {};
  for (const name of [...kept, "cpus", "memory", "disk", "firmware", "ports", "labels"]) {
    const value = inputs[name];
    const clear = value === undefined ? undefined : withoutSealed(value, name, left);
    if (clear === undefined || isEmpty(clear) || (name === "firmware" && clear === "bios")) continue;
    settings[name] = asWritten(name, clear);
  }
  return { settings, left };
}

/** The value without what the state sealed; the paths of that go to `left`. */
function withoutSealed(value: Json, path: string, left: string[]): Json | undefined {
  if (isDeferred(value)) {
    left.push(path);
    return undefined;
  }
  if (Array.isArray(value)) {
    return value.flatMap((item: Json, index) => withoutSealed(item, `${path}[${index}]`, left) ?? []);
  }
  if (!isJsonObject(value)) return value;
  const clear: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value)) {
    const result = withoutSealed(inner, `${path}.${key}`, left);
    if (result !== undefined) clear[key] = result;
  }
  return clear;
}

function asWritten(name: string, value: Json): Json {
  if (name === "ports" && Array.isArray(value)) return value.map(declaredPort);
  if ((name === "memory" || name === "disk") && typeof value === "number") return declaredSize(value);
  return value;
}

/** Bytes in the largest unit that divides them; a plain number where none does. */
export function declaredSize(bytes: number): Json {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return bytes;
}

/** `127.0.0.1:8080:80/tcp` as people write it: `8080:80`. */
function declaredPort(port: Json): Json {
  return String(port)
    .replace(/\/tcp$/, "")
    .replace(/^127\.0\.0\.1:/, "")
    .replace(/^0:/, "");
}

function isEmpty(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
