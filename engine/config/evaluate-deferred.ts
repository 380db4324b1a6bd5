/**
 * Evaluates what the plan left as expressions, when the values are there: the same rules as in planning, read from
 * the plan's values and the state.
 */
import { fail } from "../diagnostics.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { loadCel } from "./expressions/cel.ts";
import { ExpressionContext } from "./expressions/context.ts";
import { evaluateTemplate } from "./expressions/evaluate-template.ts";
import type { FileTexts } from "./expressions/file-function.ts";
import { EMPTY_SCOPE } from "./expressions/value-source.ts";
import { PlannedValues } from "./planned-values.ts";
import { normaliseValue } from "./property-values.ts";
import type { Deferred, EvaluationValues } from "./types.ts";

// Recorded expressions are evaluated also where no lab was read that would have loaded CEL. Planning, where a quick
// start counts, does not import this file.
await loadCel();

export interface EvaluationContext {
  readonly values: EvaluationValues;
  /** Attributes that the state records of an address. */
  readonly liveAttributes: (address: string) => JsonObject | undefined;
  readonly sensitiveVariables: Readonly<Record<string, Json>>;
  /** What `file("…")` reads; the plan holds the hashes of these files, not their texts. */
  readonly files?: FileTexts;
}

/** The value of one deferred expression, checked and normalised. Throws diagnostics when it cannot be computed. */
export function evaluateDeferred(deferred: Deferred, context: EvaluationContext): Json {
  const scope = context.values.scopes[deferred.scope] ?? EMPTY_SCOPE;
  const evaluation = evaluateTemplate(expressionContext(context), scope, deferred.$expr);
  if (evaluation.kind === "problem") {
    return fail({
      code: "config/expression-failed",
      summary: `The expression ${deferred.$expr} failed: ${evaluation.problem.summary}`,
      ...(deferred.scope.includes(".") ? { address: deferred.scope } : {}),
      ...(evaluation.problem.hint === undefined ? {} : { hint: evaluation.problem.hint }),
    });
  }
  if (evaluation.kind === "unknown") {
    return fail({
      code: "config/value-not-known",
      summary: `The value of ${deferred.$expr} is not known`,
      detail: `It comes from ${evaluation.address}, which has not told it.`,
      ...(deferred.scope.includes(".") ? { address: deferred.scope } : {}),
      hint: "Plan and apply again; name sensitive variables with --var or --var-file.",
    });
  }
  const normalised = normaliseValue(deferred.as ?? "json", evaluation.value);
  if ("value" in normalised) return normalised.value;
  const shown = deferred.sensitive ? "what it gives" : JSON.stringify(evaluation.value);
  return fail({
    code: "config/bad-value",
    summary: `The value of ${deferred.$expr} cannot be ${shown}`,
    detail: `It takes ${normalised.wrong}.`,
    ...(deferred.scope.includes(".") ? { address: deferred.scope } : {}),
  });
}

/** A JSON structure with every deferred expression in it replaced by its value. */
export function deepEvaluate(value: Json, context: EvaluationContext): Json {
  if (Array.isArray(value)) return value.map((item: Json) => deepEvaluate(item, context));
  if (!isJsonObject(value)) return value;
  if (typeof value.$expr === "string") return evaluateDeferred(value as unknown as Deferred, context);
  const result: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined) result[key] = deepEvaluate(inner, context);
  }
  return result;
}

/** One for each context: it lists every VM. What it reads of the state is read anew each time. */
const expressionContexts = new WeakMap<EvaluationContext, ExpressionContext>();

export function expressionContext(context: EvaluationContext): ExpressionContext {
  const known = expressionContexts.get(context);
  if (known !== undefined) return known;
  const made = new ExpressionContext(new PlannedValues(context));
  expressionContexts.set(context, made);
  return made;
}
