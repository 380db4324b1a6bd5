/** The engine's public API: exports only. */
export { applyPlan, recoverPending } from "./apply/apply-plan.ts";
export type { ApplyOptions, ApplyOutcome, OperationFailure } from "./apply/options.ts";
export * from "./diagnostics.ts";
export type * from "./effects.ts";
export type * from "./events.ts";
export { type Home, homeFrom } from "./home.ts";
export { planPower } from "./operate/power.ts";
export { makePlan } from "./plan/make-plan.ts";
export { DEFAULT_PLAN_OPTIONS, type PlanOptions, type PlanOutcome } from "./plan/options.ts";
export { readSavedPlan, writeSavedPlan } from "./plan/saved-plan.ts";
export { terraformPlanJson } from "./plan/terraform-json.ts";
export type * from "./plan/types.ts";
export type { Workspace } from "./workspace.ts";
