/** Declared inputs against recorded ones: what differs, and how the schema says a difference is carried out. */
import { changeClassOf } from "../config/change-classes.ts";
import type { Deferred } from "../config/types.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { AttributeChange, ChangeClass } from "./types.ts";

/** Input keys that are tables of settings and are compared key by key. */
const NESTED = new Set(["login", "ready", "timeouts", "bootstrap", "build"]);

export function isDeferred(value: unknown): value is Deferred {
  return isJsonObject(value) && typeof value.$expr === "string";
}

/** The differences, in the order of the declared inputs. Keys whose value is undefined count as absent. */
export function compareInputs(before: JsonObject, after: object): AttributeChange[] {
  // Nearly every resource of a plan is as it was: that costs one comparison.
  if (sameValue(before, after)) return [];
  const changes: AttributeChange[] = [];
  const compare = (path: readonly string[], old: Json | undefined, now: Json | undefined): void => {
    if (
      path.length === 1 &&
      NESTED.has(path[0] ?? "") &&
      isJsonObject(old ?? {}) &&
      isJsonObject(now ?? {})
    ) {
      const a = (old ?? {}) as JsonObject;
      const b = (now ?? {}) as JsonObject;
      for (const key of keysOf(a, b)) compare([...path, key], a[key], b[key]);
      return;
    }
    if (sameValue(old, now)) return;
    changes.push({
      path,
      ...(old === undefined ? {} : { before: old }),
      ...(now === undefined ? {} : { after: now }),
      change: classOf(path),
      sensitive: holdsSensitive(old) || holdsSensitive(now),
      unknown: holdsUnknown(now),
    });
  };
  const declared = after as Record<string, Json | undefined>;
  for (const key of keysOf(declared, before)) compare([key], before[key], declared[key]);
  return changes;
}

function keysOf(...objects: object[]): Set<string> {
  return new Set(objects.flatMap((object) => Object.keys(object)));
}

/** A property that the schema gives no class cannot be changed on a living resource. */
function classOf(path: readonly string[]): ChangeClass {
  return changeClassOf(path) ?? changeClassOf(path.slice(0, 1)) ?? "replace";
}

/**
 * Equal as values. Deferred values are equal when both are known and their keyed hashes agree; the expression's text
 * does not matter. An unknown value equals nothing.
 */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((value, index) => sameValue(value, b[index]))
    );
  }
  if (isDeferred(a) || isDeferred(b)) {
    return isDeferred(a) && isDeferred(b) && a.hash !== undefined && a.hash === b.hash;
  }
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in one) if (!sameValue(one[key], other[key])) return false;
  for (const key in other) if (other[key] !== undefined && one[key] === undefined) return false;
  return true;
}

function some(value: unknown, test: (deferred: Deferred) => boolean): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isDeferred(value)) return test(value);
  if (Array.isArray(value)) return value.some((inner) => some(inner, test));
  return Object.values(value).some((inner) => some(inner, test));
}

export function holdsSensitive(value: unknown): boolean {
  return some(value, (deferred) => deferred.sensitive);
}

function holdsUnknown(value: unknown): boolean {
  return some(value, (deferred) => deferred.hash === undefined);
}
