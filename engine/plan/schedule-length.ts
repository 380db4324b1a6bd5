/** How long a list of operations takes when it is carried out as apply does it: as much at a time as the limits allow. */
import { OperationQueue } from "./operation-queue.ts";
import type { Operation } from "./types.ts";

export interface ScheduleLimits {
  /** Operations at a time. */
  readonly parallelism: number;
  /** Machines that boot at a time, from `start` until `ready` ended; undefined: any number. */
  readonly boots: number | undefined;
  /** Images built at a time; undefined: any number. */
  readonly builds: number | undefined;
  readonly isBuild: (operation: Operation) => boolean;
}

/** Milliseconds; undefined when no operation has an estimate. Those without one count as nothing. O(V × parallelism + E). */
export function scheduleLength(operations: readonly Operation[], limits: ScheduleLimits): number | undefined {
  if (!operations.some(({ estimateMs }) => estimateMs !== undefined)) return undefined;
  return new Rehearsal(operations, limits).run();
}

/** What the scheduler of apply does, with estimates in place of work. */
class Rehearsal {
  readonly #limits: ScheduleLimits;
  readonly #queue: OperationQueue;
  readonly #running = new RunningList();
  /** When each place for a build is free. */
  readonly #places: number[];
  #now = 0;

  constructor(operations: readonly Operation[], limits: ScheduleLimits) {
    this.#limits = limits;
    this.#queue = new OperationQueue(operations, limits.boots);
    this.#places = new Array<number>(limits.builds ?? 0).fill(0);
  }

  run(): number {
    for (;;) {
      while (this.#running.size < this.#limits.parallelism) {
        const operation = this.#queue.take();
        if (operation === undefined) break;
        this.#running.add({ operation, end: this.#endOf(operation) });
      }
      const first = this.#running.take();
      if (first === undefined) return this.#now;
      this.#now = first.end;
      this.#queue.ended(first.operation);
      for (const dependent of this.#queue.dependentsOf(first.operation)) this.#queue.release(dependent);
    }
  }

  /** A build that has begun waits for a place of its own. */
  #endOf(operation: Operation): number {
    const { estimateMs = 0 } = operation;
    if (this.#places.length === 0 || !this.#limits.isBuild(operation)) return this.#now + estimateMs;
    const place = this.#places.indexOf(Math.min(...this.#places));
    const end = Math.max(this.#now, this.#places[place] ?? 0) + estimateMs;
    this.#places[place] = end;
    return end;
  }
}

interface Running {
  readonly operation: Operation;
  readonly end: number;
}

/** Kept sorted, the next to end last: never more than run at a time are in it. */
class RunningList {
  readonly #all: Running[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(running: Running): void {
    let index = this.#all.length;
    while (index > 0 && (this.#all[index - 1]?.end ?? 0) <= running.end) index--;
    this.#all.splice(index, 0, running);
  }

  take(): Running | undefined {
    return this.#all.pop();
  }
}
