/** What count and for_each make of one declaration. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import type { Origin, Scope } from "../types.ts";

/** Evaluates count and for_each; undefined when they are wrong (the finding is made). */
export interface Multipliers {
  count(raw: Json, origin: Origin, scope: Scope): number | undefined;
  forEach(raw: Json, origin: Origin, scope: Scope): Json | undefined;
}

export interface Instance {
  /** Follows the declaration's name; empty without count and for_each. */
  readonly suffix: string;
  readonly key?: number | string;
  readonly scope: Pick<Scope, "each" | "index">;
}

/** `scope` is what the expressions of count and for_each see. */
export function instancesOf(
  settings: JsonObject,
  origin: Origin,
  scope: Scope,
  { multipliers, findings }: { readonly multipliers: Multipliers; readonly findings: Finding[] },
): Instance[] {
  const at = (key: string): Origin => ({ ...origin, path: [...origin.path, key] });
  if (settings.count !== undefined && settings.for_each !== undefined) {
    findings.push({
      code: "config/count-and-for-each",
      summary: "count and for_each cannot be used together",
      origin: at("for_each"),
      spot: { part: "key" },
      related: [{ message: "count is here", origin: at("count"), spot: { part: "key" } }],
      hint: "Keep the one that fits: count numbers the VMs, for_each names them.",
    });
    return [];
  }
  if (settings.count !== undefined) {
    const count = multipliers.count(settings.count, at("count"), scope) ?? 0;
    return Array.from({ length: count }, (_, index) => ({
      suffix: `-${index + 1}`,
      key: index + 1,
      scope: { index },
    }));
  }
  if (settings.for_each === undefined) return [{ suffix: "", scope: {} }];
  const elements = multipliers.forEach(settings.for_each, at("for_each"), scope);
  const entries: [string, Json][] = isJsonObject(elements)
    ? Object.entries(elements)
    : Array.isArray(elements)
      ? elements.map((element: Json) => [String(element), element])
      : [];
  return entries.map(([key, value]) => ({ suffix: `-${key}`, key, scope: { each: { key, value } } }));
}
