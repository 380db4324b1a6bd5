/** The state as declared moves leave it: what a plan is made against. */
import { declaredMoves, destination } from "../config/moves.ts";
import type { Lab } from "../config/types.ts";
import { type Diagnostic, problem, type RelatedPlace } from "../diagnostics.ts";
import { renameResources } from "../state/rename-resources.ts";
import type { State } from "../state/types.ts";

export interface MovedState {
  readonly state: State | undefined;
  /** New address → recorded one; moves that were made before are not in it. */
  readonly moved: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Circles and other mistakes in the moves themselves are the configuration's to report; here they move nothing. */
export function moveState(lab: Lab, state: State | undefined): MovedState {
  const moves = declaredMoves(lab);
  if (moves.length === 0 || state === undefined) return { state, moved: new Map(), diagnostics: [] };
  const next = new Map(moves.map(({ from, to }) => [from, to]));
  const moved = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  for (const { from, to: step, origin } of moves) {
    if (state.resources[from] === undefined) continue;
    const to = destination(from, next);
    if (to === undefined || to.split(".")[0] !== from.split(".")[0]) continue;
    const rival = moved.get(to) ?? (state.resources[to] === undefined ? undefined : to);
    if (rival === undefined) {
      moved.set(to, from);
      continue;
    }
    if (rival === from) continue;
    const related: RelatedPlace[] = [];
    const other = moves.find((move) => move.from === rival)?.origin ?? originOf(lab, to);
    const place = other === undefined ? undefined : lab.locate(other, { part: "key" });
    if (place !== undefined) related.push({ message: `${rival} is here`, range: place });
    const range = lab.locate({ ...origin, path: [...origin.path, "from"] });
    diagnostics.push(
      problem({
        code: "plan/move-taken",
        address: from,
        summary: `${from} cannot become ${step}: ${rival === to ? `${to} exists` : `${rival} becomes it`}`,
        detail: `${from} and ${rival} are two resources in the state.`,
        ...(range === undefined ? {} : { range }),
        ...(related.length === 0 ? {} : { related }),
        hint: `Take this [[moved]] out (${from} is then deleted, unless it is declared), or give ${rival} another address first.`,
      }),
    );
  }
  if (moved.size === 0) return { state, moved, diagnostics };
  const renames = new Map([...moved].map(([to, from]) => [from, to]));
  return { state: { ...state, resources: renameResources(state.resources, renames) }, moved, diagnostics };
}

/** The table that declares an address, as far as its name says so. */
function originOf(lab: Lab, address: string) {
  const [type = "", name = ""] = address.split(".");
  return lab.origins.get(`${type}s.${name}`) ?? lab.origins.get(`${type}s.${name.replace(/-\d+$/, "")}`);
}
