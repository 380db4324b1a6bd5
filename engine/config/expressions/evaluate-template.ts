/** Evaluates a string with `${…}` in it. */
import type { Json } from "../../json.ts";
import type { Scope } from "../types.ts";
import { type CelOutcome, cel, type ExpressionProblem } from "./cel.ts";
import type { ExpressionContext, Trace } from "./context.ts";
import { dashProblem } from "./dash-problem.ts";
import { parseTemplate, type Template } from "./template.ts";
import { isUnknownValue } from "./unknown-value.ts";

/** Offsets of a problem are into the string. */
export type Evaluation =
  | { readonly kind: "value"; readonly value: Json; readonly sensitive: boolean }
  /** Something that it reads is known only at apply: `address` tells it. */
  | { readonly kind: "unknown"; readonly address: string; readonly sensitive: boolean }
  | { readonly kind: "problem"; readonly problem: ExpressionProblem };

export function evaluateTemplate(context: ExpressionContext, scope: Scope, text: string): Evaluation {
  const template = parseTemplate(text);
  if ("problem" in template) return { kind: "problem", problem: template.problem };
  return evaluateParts(context, scope, template);
}

/** Evaluates a bare expression, such as a check's condition. */
export function evaluateBare(context: ExpressionContext, scope: Scope, text: string): Evaluation {
  return evaluateParts(context, scope, bareTemplate(text));
}

/** A bare expression as the template that is nothing but it. */
export function bareTemplate(text: string): Template {
  return { parts: [{ kind: "expression", text, start: 0, end: text.length }], whole: true };
}

function evaluateParts(context: ExpressionContext, scope: Scope, template: Template): Evaluation {
  const trace: Trace = { sensitive: false };
  let unknown: string | undefined;
  let text = "";
  for (const part of template.parts) {
    if (part.kind === "text") {
      text += part.text;
      continue;
    }
    let outcome: CelOutcome;
    try {
      outcome = context.run(scope, trace, (variables) => cel().evaluate(part.text, variables));
    } catch (error) {
      if (!isUnknownValue(error)) throw error;
      // The rest is read all the same: it may be sensitive, or wrong.
      unknown ??= error.address;
      continue;
    }
    if ("problem" in outcome) return { kind: "problem", problem: inString(part, outcome.problem) };
    if (template.whole) return { kind: "value", value: outcome.value, sensitive: trace.sensitive };
    const piece = asText(outcome.value);
    if (piece === undefined) {
      const summary = `${typeOf(outcome.value)} cannot be put into a string`;
      return {
        kind: "problem",
        problem: {
          summary,
          hint: 'Use join(", ") on a list, or one entry of a table.',
          start: part.start,
          end: part.end,
        },
      };
    }
    text += piece;
  }
  if (unknown !== undefined) return { kind: "unknown", address: unknown, sensitive: trace.sensitive };
  return { kind: "value", value: text, sensitive: trace.sensitive };
}

/** A problem of an expression as one of the string that holds it, with the slips that vmlab knows explained. */
export function inString(
  part: { text: string; start: number },
  problem: ExpressionProblem,
): ExpressionProblem {
  const explained = dashProblem(part.text) ?? problem;
  return { ...explained, start: part.start + explained.start, end: part.start + explained.end };
}

function asText(value: Json): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "A list" : "A table";
}
