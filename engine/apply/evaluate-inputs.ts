/** Planned inputs become values (for providers) and records (for the state). */
import { deepEvaluate, type EvaluationContext, evaluateDeferred } from "../config/evaluate-deferred.ts";
import type { Deferred, VmInputs } from "../config/types.ts";
import { fail, isDiagnosticsError } from "../diagnostics.ts";
import { isJsonObject, type Json, type JsonObject, keyedHash } from "../json.ts";
import { isDeferred } from "../plan/compare-inputs.ts";

/** A VM's inputs without expressions. */
export type EvaluatedVmInputs = Evaluated<VmInputs>;

type Evaluated<T> = T extends Deferred
  ? never
  : T extends readonly (infer Item)[]
    ? readonly Evaluated<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Evaluated<T[Key]> }
      : T;

export function evaluateVmInputs(inputs: VmInputs, context: EvaluationContext): EvaluatedVmInputs {
  return deepEvaluate(inputs as unknown as Json, context) as unknown as EvaluatedVmInputs;
}

export interface KnownInputs {
  readonly inputs: EvaluatedVmInputs;
  /** False when a sensitive value is missing, or is not the one that was applied. */
  readonly complete: boolean;
}

/**
 * As {@link evaluateVmInputs} for recorded inputs, of machines that are only started or stopped: a sensitive value that
 * cannot be computed now, or is another one by now, is left out. `key` is that of the keyed hashes.
 */
export function evaluateKnownInputs(inputs: VmInputs, context: EvaluationContext, key: string): KnownInputs {
  let complete = true;
  const known = prune(inputs as unknown as Json, (deferred) => {
    try {
      const value = evaluateDeferred(deferred, context);
      if (deferred.hash === undefined || deferred.hash === keyedHash(key, value)) return value;
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
    }
    complete = false;
    return undefined;
  });
  return { inputs: known as unknown as EvaluatedVmInputs, complete };
}

function prune(value: Json, evaluate: (deferred: Deferred) => Json | undefined): Json | undefined {
  if (isDeferred(value)) return evaluate(value);
  if (Array.isArray(value)) return value.flatMap((item: Json) => prune(item, evaluate) ?? []);
  if (!isJsonObject(value)) return value;
  const kept: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value)) {
    const result = prune(inner, evaluate);
    if (result !== undefined) kept[key] = result;
  }
  return kept;
}

/**
 * What the state keeps: values, and for sensitive ones the expression with a keyed hash. A hash that the plan already
 * holds must be met: the value that was planned is the value that is applied.
 */
export function sealInputs(inputs: object, context: EvaluationContext, key: string): JsonObject {
  const seal = (value: Json | undefined): Json | undefined => {
    if (isDeferred(value)) {
      const evaluated = evaluateDeferred(value, context);
      if (!value.sensitive) return evaluated;
      const hash = keyedHash(key, evaluated);
      if (value.hash !== undefined && value.hash !== hash) {
        fail({
          code: "apply/sensitive-input-differs",
          summary: `the value of ${value.$expr} is not the one that was planned`,
          hint: "Give the same sensitive variables to apply as to plan, or plan again.",
        });
      }
      const sealed: Deferred = { ...(value as Deferred), hash };
      return sealed as unknown as Json;
    }
    if (Array.isArray(value)) return value.map((item: Json) => seal(item) ?? null);
    if (!isJsonObject(value)) return value;
    const sealed: Record<string, Json> = {};
    for (const [name, inner] of Object.entries(value)) {
      const result = seal(inner);
      if (result !== undefined) sealed[name] = result;
    }
    return sealed;
  };
  return seal(inputs as JsonObject) as JsonObject;
}
