/** The values of `count` and `for_each`. */
import { LAB_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import type { Origin, Scope } from "../types.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Multipliers } from "./instances.ts";

/** How `count` and `for_each` are evaluated: at once, so that it is known which resources there are. */
export function multipliersOf(evaluator: Evaluator, findings: Finding[]): Multipliers {
  const site = (name: string, origin: Origin, scope: Scope) => ({
    scope,
    scopeId: LAB_SCOPE,
    name,
    origin: () => origin,
    onlyVars: true,
  });
  return {
    count: (raw, origin, scope) => {
      const value = evaluator.known(raw, "count", site("count", origin, scope));
      return typeof value === "number" ? value : undefined;
    },
    forEach: (raw, origin, scope) => {
      const value = evaluator.known(raw, "json", site("for_each", origin, scope));
      if (value === undefined) return undefined;
      const keys = Array.isArray(value)
        ? value
        : typeof value === "object" && value !== null
          ? Object.keys(value)
          : undefined;
      const wrong = keys === undefined || keys.some((key) => typeof key !== "string");
      const twice = keys?.find((key, index) => keys.indexOf(key) !== index);
      if (!wrong && twice === undefined) return value;
      findings.push({
        code: wrong ? "config/wrong-type" : "config/duplicate-item",
        summary: wrong
          ? "for_each takes a list of names or a table"
          : `for_each names "${String(twice)}" twice`,
        origin,
      });
      return undefined;
    },
  };
}
