/** The state while an apply works on it: every change is durable in the journal before it is true in memory. */
import { isPublicAttribute } from "../config/secret-kinds.ts";
import { applyEntry, draftOf, type StateDraft } from "../state/replay.ts";
import type { LockedStore } from "../state/store.ts";
import type { Intent, JournalEntry, ResourceState, State } from "../state/types.ts";
import { secretStrings } from "./mask.ts";

export class RecordKeeper {
  readonly #store: LockedStore;
  #base: State;
  readonly #draft: StateDraft;
  #changed = false;
  #secrets: readonly string[] | undefined;

  constructor(store: LockedStore, state: State) {
    this.#store = store;
    this.#base = state;
    this.#draft = draftOf(state);
  }

  get sensitiveKey(): string {
    return this.#base.sensitiveKey;
  }

  get lineage(): string {
    return this.#base.lineage;
  }

  /** True when anything was written since the last snapshot. */
  get changed(): boolean {
    return this.#changed;
  }

  resource(address: string): ResourceState | undefined {
    return this.#draft.resources[address];
  }

  resources(): readonly ResourceState[] {
    return Object.values(this.#draft.resources);
  }

  intent(operation: string): Intent | undefined {
    return this.#draft.intents[operation];
  }

  intents(): readonly Intent[] {
    return Object.values(this.#draft.intents);
  }

  /** Durable when resolved; entries of one call are one batch. */
  async commit(...entries: JournalEntry[]): Promise<void> {
    this.#changed = true;
    await this.#store.append(entries);
    for (const entry of entries) {
      applyEntry(this.#draft, entry);
      if ("address" in entry && entry.address.startsWith("secret.")) this.#secrets = undefined;
    }
  }

  /** Every string in the values of secrets, made anew only when a secret changed. */
  secretStrings(): readonly string[] {
    this.#secrets ??= secretStrings(
      this.resources().flatMap((record) =>
        record.type === "secret"
          ? Object.entries(record.attributes).flatMap(([key, value]) =>
              isPublicAttribute(key) ? [] : [value],
            )
          : [],
      ),
    );
    return this.#secrets;
  }

  /** The state as it is now; O(resources). */
  state(): State {
    const { resources, intents, outputs } = this.#draft;
    return { ...this.#base, resources: { ...resources }, intents: { ...intents }, outputs };
  }

  /** Folds everything into a new snapshot. */
  async checkpoint(): Promise<State> {
    this.#base = await this.#store.checkpoint(this.state());
    this.#changed = false;
    return this.#base;
  }
}
