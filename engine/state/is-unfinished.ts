/** Whether what is recorded is on its way to something else. */
import type { State } from "./types.ts";

/** True when a crashed or interrupted run left something to finish or undo. */
export function isUnfinished(state: State): boolean {
  return (
    Object.keys(state.intents).length > 0 ||
    Object.values(state.resources).some((resource) => resource.replacement !== undefined)
  );
}
