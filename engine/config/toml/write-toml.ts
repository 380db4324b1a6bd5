/** Values and keys as TOML writes them, on one line. */
import { isJsonObject, type Json } from "../../json.ts";

export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

/** Null has no form in TOML and is an error of the caller. */
export function tomlValue(value: Json): string {
  if (typeof value === "string") return tomlString(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => tomlValue(item)).join(", ")}]`;
  if (!isJsonObject(value)) throw new Error("TOML has no null");
  const entries = Object.entries(value).map(([key, inner]) => `${tomlKey(key)} = ${tomlValue(inner)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** JSON's escapes are all TOML's too; only DEL must be escaped in addition. */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007F");
}
