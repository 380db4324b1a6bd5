/** Reading and changing the state by hand. */
import { nearestName } from "../engine/config/nearest-name.ts";
import { fail } from "../engine/diagnostics.ts";
import type { LockedStore, StateStore } from "../engine/state/store.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import type { CommandContext } from "./context.ts";
import { openStore } from "./workspace.ts";

/** The state; a lab without one is an error here. */
export async function requireState(store: Pick<StateStore, "read"> | LockedStore): Promise<State> {
  const state = await store.read();
  if (state !== undefined) return state;
  return fail({ code: "state/none", summary: "this lab has no state yet", hint: `"vmlab apply" makes it.` });
}

export function requireResource(state: State, address: string): ResourceState {
  const found = Object.hasOwn(state.resources, address) ? state.resources[address] : undefined;
  if (found !== undefined) return found;
  const nearest = nearestName(address, Object.keys(state.resources));
  return fail({
    code: "state/unknown-address",
    summary: `there is no ${address} in the state`,
    hint: nearest === undefined ? `"vmlab state list" shows all addresses.` : `Did you mean "${nearest}"?`,
  });
}

/** Works on the state under its lock. */
export async function withLockedState<T>(
  context: CommandContext,
  command: string,
  work: (locked: LockedStore, state: State) => Promise<T>,
): Promise<T> {
  const store = await openStore(context);
  await requireState(store);
  const locked = await store.lock(command, { timeoutMs: 0 });
  try {
    return await work(locked, await requireState(locked));
  } finally {
    await locked.release();
  }
}
