/** What journal entries do to a state. */
import { renameResources } from "./rename-resources.ts";
import type { Intent, JournalEntry, OutputState, ResourceState, State } from "./types.ts";

/** The parts of a state that entries change, open for change. */
export interface StateDraft {
  resources: Record<string, ResourceState>;
  outputs: Readonly<Record<string, OutputState>>;
  readonly intents: Record<string, Intent>;
}

/** `state` with `entries` applied in order; O(resources + entries). */
export function replay(
  state: State,
  entries: Iterable<JournalEntry>,
  journalSequence = state.journalSequence,
): State {
  const draft = draftOf(state);
  for (const entry of entries) applyEntry(draft, entry);
  return { ...state, ...draft, journalSequence };
}

/** A copy of what entries change. */
export function draftOf(state: Pick<State, "resources" | "outputs" | "intents">): StateDraft {
  return { resources: { ...state.resources }, outputs: state.outputs, intents: { ...state.intents } };
}

/** Applies one entry to a draft; O(1), a move O(resources). */
export function applyEntry(draft: StateDraft, entry: JournalEntry): void {
  switch (entry.kind) {
    case "intent":
      draft.intents[entry.intent.operation] = entry.intent;
      return;
    case "done":
      delete draft.intents[entry.operation];
      if (entry.resource !== undefined) setResource(draft, entry.address, entry.resource);
      return;
    case "abandoned":
      delete draft.intents[entry.operation];
      return;
    case "resource":
      setResource(draft, entry.address, entry.resource);
      return;
    case "moved":
      draft.resources = renameResources(draft.resources, new Map([[entry.from, entry.to]]));
      return;
    case "outputs":
      draft.outputs = entry.outputs;
      return;
  }
}

function setResource(draft: StateDraft, address: string, resource: ResourceState | null): void {
  if (resource === null) delete draft.resources[address];
  else draft.resources[address] = resource;
}
