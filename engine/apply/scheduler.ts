/** Runs operations as soon as what they need is done, within limits; independent work goes on when something fails. */
import type { Operation } from "../plan/types.ts";

export type OperationResult =
  | { readonly type: "done" }
  | { readonly type: "failed" }
  | { readonly type: "skipped"; readonly because: string };

export interface ScheduleOptions {
  readonly parallelism: number;
  /** Machines that may boot at a time; a slot is held from `start` until `ready` ended. Undefined: no limit. */
  readonly boots: number | undefined;
  /** Once aborted, only operations that `mustFinish` names are started. */
  readonly graceful: AbortSignal;
  /** Once aborted, nothing is started; what runs gets the same signal and ends by itself. */
  readonly hard: AbortSignal;
  /** True for operations that may not be left out although the user interrupted: the rest of a begun exchange. */
  readonly mustFinish: (operation: Operation) => boolean;
  /** Resolves to true when the operation succeeded. Never rejects. */
  readonly run: (operation: Operation) => Promise<boolean>;
  readonly skipped: (operation: Operation, because: string) => void;
}

/** Resolves when everything is done, failed or skipped. O(V + E). */
export function schedule(
  operations: readonly Operation[],
  options: ScheduleOptions,
): Promise<ReadonlyMap<string, OperationResult>> {
  return new Schedule(operations, options).run();
}

class Schedule {
  readonly #options: ScheduleOptions;
  readonly #operations: readonly Operation[];
  readonly #byId: ReadonlyMap<string, Operation>;
  readonly #results = new Map<string, OperationResult>();
  readonly #waitingFor = new Map<string, number>();
  readonly #dependents = new Map<string, Operation[]>();
  readonly #ready: Operation[] = [];
  /** Starts that wait for a boot slot, apart from what could run at once. */
  readonly #boots: Operation[] = [];
  #running = 0;
  #booting = 0;
  #finish: (() => void) | undefined;

  constructor(operations: readonly Operation[], options: ScheduleOptions) {
    this.#operations = operations;
    this.#options = options;
    this.#byId = new Map(operations.map((operation) => [operation.id, operation]));
    for (const operation of operations) {
      const before = [...operation.needs, ...(operation.after ?? [])].filter((id) => this.#byId.has(id));
      this.#waitingFor.set(operation.id, before.length);
      for (const id of before) {
        const list = this.#dependents.get(id);
        if (list === undefined) this.#dependents.set(id, [operation]);
        else list.push(operation);
      }
      if (before.length === 0) this.#enqueue(operation);
    }
  }

  async run(): Promise<ReadonlyMap<string, OperationResult>> {
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      this.#pump();
    });
    for (const operation of this.#operations) {
      if (!this.#results.has(operation.id)) this.#skip(operation, "interrupted");
    }
    return this.#results;
  }

  #enqueue(operation: Operation): void {
    if (operation.step === "start" && this.#options.boots !== undefined) this.#boots.push(operation);
    else this.#ready.push(operation);
  }

  #pump(): void {
    while (this.#running < this.#options.parallelism) {
      const operation = this.#next();
      if (operation === undefined) break;
      this.#start(operation);
    }
    if (this.#running === 0 && (this.#next(true) === undefined || this.#stopping())) this.#finish?.();
  }

  #stopping(): boolean {
    return this.#options.hard.aborted || this.#options.graceful.aborted;
  }

  /** The next operation that may start; with `peek` it stays where it is. */
  #next(peek = false): Operation | undefined {
    if (this.#options.hard.aborted) return undefined;
    const boots = this.#options.boots;
    const lists = boots === undefined || this.#booting < boots ? [this.#boots, this.#ready] : [this.#ready];
    for (const list of lists) {
      const index = this.#options.graceful.aborted ? list.findIndex(this.#options.mustFinish) : 0;
      const operation = list[index];
      if (operation === undefined) continue;
      if (!peek) index === 0 ? list.shift() : list.splice(index, 1);
      return operation;
    }
    return undefined;
  }

  #start(operation: Operation): void {
    this.#running++;
    if (operation.step === "start") this.#booting++;
    void this.#options.run(operation).then((succeeded) => {
      this.#running--;
      if (this.#freesBootSlot(operation, succeeded)) this.#booting--;
      this.#settle(operation, succeeded ? { type: "done" } : { type: "failed" });
      this.#pump();
    });
  }

  /** A slot is free again when the machine is ready, or will not become so in this run. */
  #freesBootSlot(operation: Operation, succeeded: boolean): boolean {
    if (operation.step === "ready") return this.#byId.has(operation.id.replace(/:ready$/, ":start"));
    if (operation.step !== "start") return false;
    return !succeeded || !this.#byId.has(operation.id.replace(/:start$/, ":ready"));
  }

  #settle(operation: Operation, result: OperationResult): void {
    this.#results.set(operation.id, result);
    const open = [operation];
    const causes = new Map<string, Operation>();
    for (let ended = open.pop(); ended !== undefined; ended = open.pop()) {
      const good = this.#results.get(ended.id)?.type === "done";
      for (const dependent of this.#dependents.get(ended.id) ?? []) {
        if (this.#results.has(dependent.id)) continue;
        if (!good && dependent.needs.includes(ended.id)) {
          // Named is what failed, not what was left out on the way from there.
          const cause = causes.get(ended.id) ?? ended;
          causes.set(dependent.id, cause);
          this.#skip(dependent, `${cause.address === dependent.address ? cause.step : cause.address} failed`);
          open.push(dependent);
          continue;
        }
        const left = (this.#waitingFor.get(dependent.id) ?? 1) - 1;
        this.#waitingFor.set(dependent.id, left);
        if (left === 0) this.#enqueue(dependent);
      }
    }
  }

  #skip(operation: Operation, because: string): void {
    this.#results.set(operation.id, { type: "skipped", because });
    this.#options.skipped(operation, because);
  }
}
