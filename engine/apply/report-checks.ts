/** Checks that read what only the finished lab tells: evaluated at the end of an apply. */
import { evaluateCheck } from "../config/evaluate-check.ts";
import { expressionContext } from "../config/evaluate-deferred.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { maskAll } from "./mask.ts";
import type { Run } from "./run.ts";

/** Tells what became of the plan's deferred checks; resolves with the failed ones. */
export function reportChecks(run: Run): readonly Diagnostic[] {
  const { events } = run.workspace;
  const failed: Diagnostic[] = [];
  for (const check of run.plan.checks) {
    const outcome = evaluateCheck(check, expressionContext(run.evaluation));
    switch (outcome.type) {
      case "holds":
        break;
      case "unknown":
        events({
          type: "note",
          text: `the check "${check.name}" was not evaluated: ${outcome.address} has not told what it reads`,
        });
        break;
      case "fails":
        failed.push(maskAll(outcome.diagnostic, run.mask));
        break;
      case "wrong": {
        const { summary, hint } = outcome.problem;
        failed.push(
          problem({
            code: "config/bad-expression",
            summary: `The check "${check.name}" cannot be evaluated: ${summary}`,
            detail: check.assert,
            ...(check.range === undefined ? {} : { range: check.range }),
            ...(hint === undefined ? {} : { hint }),
          }),
        );
      }
    }
  }
  for (const diagnostic of failed) events({ type: "diagnostic", diagnostic });
  return failed;
}
