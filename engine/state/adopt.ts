import type { State } from "./types.ts";

/**
 * A state at home in a new place. It keeps its lineage when the lab was moved: the machines are the same. With a new
 * lineage (a copy that stands beside the original) it knows nothing of the machines, which stay the original's.
 */
export function adoptState(
  state: State,
  place: { readonly host: string; readonly folder: string; readonly home: string },
  newLineage?: string,
): State {
  const moved = { ...state, ...place };
  if (newLineage === undefined) return moved;
  return { ...moved, lineage: newLineage, resources: {}, outputs: {}, intents: {} };
}
