/** Which of a plan's operations may begin: what they wait for is done, and machines boot only so many at a time. */
import type { Operation } from "./types.ts";

/** Shared by apply and by the estimate of how long it takes. Each operation is handed out once. O(V + E) over all calls. */
export class OperationQueue {
  readonly #boots: number | undefined;
  readonly #ids: ReadonlySet<string>;
  readonly #waitingFor = new Map<string, number>();
  readonly #dependents = new Map<string, Operation[]>();
  readonly #ready = new Line();
  /** Starts that wait for a boot slot, apart from what could run at once. */
  readonly #starts = new Line();
  #booting = 0;

  /** `boots`: machines that may boot at a time; a slot is held from `start` until `ready` ended. Undefined: no limit. */
  constructor(operations: readonly Operation[], boots: number | undefined) {
    this.#boots = boots;
    this.#ids = new Set(operations.map(({ id }) => id));
    for (const operation of operations) {
      const before = [...operation.needs, ...(operation.after ?? [])].filter((id) => this.#ids.has(id));
      this.#waitingFor.set(operation.id, before.length);
      for (const id of before) {
        const list = this.#dependents.get(id);
        if (list === undefined) this.#dependents.set(id, [operation]);
        else list.push(operation);
      }
      if (before.length === 0) this.#enqueue(operation);
    }
  }

  /** The next operation that may begin, of those that `may` names. */
  take(may?: (operation: Operation) => boolean): Operation | undefined {
    const slot = this.#boots === undefined || this.#booting < this.#boots;
    const operation = (slot ? this.#starts.take(may) : undefined) ?? this.#ready.take(may);
    if (operation?.step === "start") this.#booting++;
    return operation;
  }

  /** Gives back the slot that an operation held, if it did. A machine that failed to start will not become ready. */
  ended({ id, step }: Operation, succeeded = true): void {
    const free =
      step === "ready"
        ? this.#ids.has(id.replace(/:ready$/, ":start"))
        : step === "start" && !(succeeded && this.#ids.has(id.replace(/:start$/, ":ready")));
    if (free) this.#booting--;
  }

  /** What waits for an operation, whether or not for others as well. */
  dependentsOf({ id }: Operation): readonly Operation[] {
    return this.#dependents.get(id) ?? [];
  }

  /** One of those that it waits for stands in its way no more. */
  release(dependent: Operation): void {
    const left = (this.#waitingFor.get(dependent.id) ?? 1) - 1;
    this.#waitingFor.set(dependent.id, left);
    if (left === 0) this.#enqueue(dependent);
  }

  #enqueue(operation: Operation): void {
    (operation.step === "start" && this.#boots !== undefined ? this.#starts : this.#ready).add(operation);
  }
}

/** First in, first out, but for what is passed over. */
class Line {
  readonly #all: Operation[] = [];
  #taken = 0;

  add(operation: Operation): void {
    this.#all.push(operation);
  }

  take(may?: (operation: Operation) => boolean): Operation | undefined {
    for (let index = this.#taken; index < this.#all.length; index++) {
      const operation = this.#all[index];
      if (operation === undefined || may?.(operation) === false) continue;
      if (index === this.#taken) this.#taken++;
      else this.#all.splice(index, 1);
      return operation;
    }
    return undefined;
  }
}
