/** `[[checks]]`: wrong ones become findings, the others are evaluated as far as they can be now. */
import type { Diagnostic } from "../../diagnostics.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import { evaluateCheck } from "../evaluate-check.ts";
import type { ExpressionContext } from "../expressions/context.ts";
import { mayHoldExpression } from "../expressions/template.ts";
import { EMPTY_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import type { Check, EvaluatedChecks, Lab, Origin } from "../types.ts";
import { analyse, analyseBare } from "./analyse.ts";
import type { Analysis, Names } from "./analysis.ts";
import { expressionFinding } from "./evaluator.ts";

export interface CheckSurroundings {
  readonly lab: Lab;
  readonly context: ExpressionContext;
  readonly names: Names;
  readonly findings: Finding[];
  /** Receives what a deferred check refers to. */
  readonly note: (analysis: Analysis) => void;
}

export function evaluateChecks(around: CheckSurroundings): EvaluatedChecks {
  const { lab, context, names, findings } = around;
  const failed: Diagnostic[] = [];
  const deferred: Check[] = [];
  const { checks } = lab.document;
  for (const [index, table] of (Array.isArray(checks) ? checks : []).entries()) {
    if (!isJsonObject(table)) continue;
    const own = lab.origins.get(`checks.${index}`) ?? { file: "lab.toml", path: ["checks", index] };
    const at = (key: string): Origin => ({ ...own, path: [...own.path, key] });
    const check = checkOf(table, index);
    const analysis = analyseBare(check.assert, EMPTY_SCOPE, names);
    const wrong = analysis.problems.map((one) => expressionFinding(one, { origin: () => at("assert") }));
    const message = mayHoldExpression(check.message) ? analyse(check.message, EMPTY_SCOPE, names) : undefined;
    for (const one of message?.problems ?? [])
      wrong.push(expressionFinding(one, { origin: () => at("message") }));
    findings.push(...wrong);
    // With other mistakes about, what it reads may be wrong too: those are to be mended first.
    if (findings.some(({ severity }) => severity !== "warning")) continue;
    const outcome = evaluateCheck(check, context);
    if (outcome.type === "wrong")
      findings.push(expressionFinding(outcome.problem, { origin: () => at("assert") }));
    if (outcome.type !== "fails" && outcome.type !== "unknown") continue;
    const range = lab.locate(at("assert"));
    const placed = range === undefined ? {} : { range };
    if (outcome.type === "fails") failed.push({ ...outcome.diagnostic, ...placed });
    else {
      deferred.push({ ...check, ...placed });
      around.note(analysis);
      if (message !== undefined) around.note(message);
    }
  }
  return { failed, deferred };
}

function checkOf(table: JsonObject, index: number): Check {
  return {
    name: typeof table.name === "string" ? table.name : String(index + 1),
    assert: String(table.assert),
    message: String(table.message),
    severity: table.severity === "warning" ? "warning" : "error",
  };
}
