/** Runs operations as soon as what they need is done, within limits; independent work goes on when something fails. */
import { OperationQueue } from "../plan/operation-queue.ts";
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
  readonly #queue: OperationQueue;
  readonly #results = new Map<string, OperationResult>();
  #running = 0;
  #finish: (() => void) | undefined;

  constructor(operations: readonly Operation[], options: ScheduleOptions) {
    this.#operations = operations;
    this.#options = options;
    this.#queue = new OperationQueue(operations, options.boots);
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

  #pump(): void {
    while (this.#running < this.#options.parallelism) {
      const operation = this.#next();
      if (operation === undefined) break;
      this.#start(operation);
    }
    // What could not begin now has nobody left to wait for: it was interrupted.
    if (this.#running === 0) this.#finish?.();
  }

  #next(): Operation | undefined {
    const { graceful, hard, mustFinish } = this.#options;
    if (hard.aborted) return undefined;
    return this.#queue.take(graceful.aborted ? mustFinish : undefined);
  }

  #start(operation: Operation): void {
    this.#running++;
    void this.#options.run(operation).then((succeeded) => {
      this.#running--;
      this.#queue.ended(operation, succeeded);
      this.#settle(operation, succeeded ? { type: "done" } : { type: "failed" });
      this.#pump();
    });
  }

  #settle(operation: Operation, result: OperationResult): void {
    this.#results.set(operation.id, result);
    const open = [operation];
    const causes = new Map<string, Operation>();
    for (let ended = open.pop(); ended !== undefined; ended = open.pop()) {
      const good = this.#results.get(ended.id)?.type === "done";
      for (const dependent of this.#queue.dependentsOf(ended)) {
        if (this.#results.has(dependent.id)) continue;
        if (!good && dependent.needs.includes(ended.id)) {
          // Named is what failed, not what was left out on the way from there.
          const cause = causes.get(ended.id) ?? ended;
          causes.set(dependent.id, cause);
          this.#skip(dependent, `${cause.address === dependent.address ? cause.step : cause.address} failed`);
          open.push(dependent);
          continue;
        }
        this.#queue.release(dependent);
      }
    }
  }

  #skip(operation: Operation, because: string): void {
    this.#results.set(operation.id, { type: "skipped", because });
    this.#options.skipped(operation, because);
  }
}
