/** Whether applying a plan would record other outputs than the state has. */
import equal from "fast-deep-equal";
import { isJsonObject, type Json, keyedHash } from "../json.ts";
import type { State } from "../state/types.ts";
import { holdsSensitive, isDeferred } from "./compare-inputs.ts";
import type { Plan } from "./types.ts";

/** A value that is known only at apply counts as the same: what changes it is a change of its own. */
export function outputsDiffer(plan: Plan, state: State | undefined): boolean {
  if (plan.mode === "destroy" || plan.mode === "build") return false;
  const recorded = state?.outputs ?? {};
  if (Object.keys(recorded).length !== plan.outputs.length) return true;
  return plan.outputs.some(({ name, value, sensitive }) => {
    const before = recorded[name];
    if (before === undefined || before.sensitive !== (sensitive || holdsSensitive(value))) return true;
    return !fits(value as Json, before.value, state?.sensitiveKey ?? "");
  });
}

/** Whether a recorded value is what the planned one says, sensitive parts compared by their hashes. */
function fits(planned: Json, recorded: Json | undefined, key: string): boolean {
  if (isDeferred(planned)) return planned.hash === undefined || planned.hash === keyedHash(key, recorded);
  if (Array.isArray(planned)) {
    return (
      Array.isArray(recorded) &&
      recorded.length === planned.length &&
      planned.every((item: Json, index) => fits(item, recorded[index], key))
    );
  }
  if (isJsonObject(planned)) {
    if (!isJsonObject(recorded) || Object.keys(recorded).length !== Object.keys(planned).length) return false;
    return Object.entries(planned).every(([name, item]) => fits(item, recorded[name], key));
  }
  return equal(planned, recorded);
}
