/** A lab as it stands beside what it has made: addresses that are given stay, and clones that exist need no source. */
import { expandLab } from "../engine/config/expand.ts";
import type { Expansion, Lab } from "../engine/config/types.ts";
import { expandInput } from "../engine/plan/expand-input.ts";
import type { State } from "../engine/state/types.ts";
import type { CommandContext } from "./context.ts";
import { openStore } from "./workspace.ts";

export function expandRecorded(lab: Lab, state: State | undefined): Expansion {
  return expandLab(lab, state === undefined ? undefined : expandInput(state));
}

/** For commands that have not read the state; one that cannot be read counts as none, as others tell of it. */
export async function expandHere(context: CommandContext, lab: Lab): Promise<Expansion> {
  const state = await (await openStore(context)).read().catch(() => undefined);
  return expandRecorded(lab, state);
}
