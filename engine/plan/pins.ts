/** --frozen: vmlab.lock must already say what this plan would write into it. */
import equal from "fast-deep-equal";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { PlanBasis } from "./make-plan.ts";
import type { Plan } from "./types.ts";

export function pinProblems(basis: PlanBasis, plan: Plan): Diagnostic[] {
  return Object.values(plan.resources).flatMap((planned) => {
    if (!("pin" in planned) || planned.pin === undefined) return [];
    const pinned = basis.pins[planned.address];
    if (equal(pinned, planned.pin)) return [];
    return [
      problem({
        code: "plan/frozen",
        address: planned.address,
        summary: `--frozen: vmlab.lock does not hold what ${planned.address} would be made from`,
        detail: pinned === undefined ? "There is no entry for it." : "Its entry differs.",
        hint: "Apply once without --frozen and commit vmlab.lock.",
      }),
    ];
  });
}
