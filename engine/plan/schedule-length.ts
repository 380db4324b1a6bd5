/** How long a list of operations takes when it is carried out as apply does it: as much at a time as the limits allow. */
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
  readonly #ids: ReadonlySet<string>;
  readonly #waitingFor = new Map<string, number>();
  readonly #dependents = new Map<string, Operation[]>();
  readonly #ready = new Queue();
  readonly #boots = new Queue();
  readonly #running = new RunningList();
  /** When each place for a build is free. */
  readonly #places: number[];
  #booting = 0;
  #now = 0;

  constructor(operations: readonly Operation[], limits: ScheduleLimits) {
    this.#limits = limits;
    this.#ids = new Set(operations.map(({ id }) => id));
    this.#places = new Array<number>(limits.builds ?? 0).fill(0);
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

  run(): number {
    for (;;) {
      while (this.#running.size < this.#limits.parallelism) {
        const operation = this.#next();
        if (operation === undefined) break;
        if (operation.step === "start") this.#booting++;
        this.#running.add({ operation, end: this.#endOf(operation) });
      }
      const first = this.#running.take();
      if (first === undefined) return this.#now;
      this.#now = first.end;
      if (this.#freesBoot(first.operation)) this.#booting--;
      for (const dependent of this.#dependents.get(first.operation.id) ?? []) {
        const left = (this.#waitingFor.get(dependent.id) ?? 1) - 1;
        this.#waitingFor.set(dependent.id, left);
        if (left === 0) this.#enqueue(dependent);
      }
    }
  }

  #enqueue(operation: Operation): void {
    const boots = operation.step === "start" && this.#limits.boots !== undefined;
    (boots ? this.#boots : this.#ready).add(operation);
  }

  #next(): Operation | undefined {
    const { boots } = this.#limits;
    const mayBoot = boots !== undefined && this.#booting < boots;
    return (mayBoot ? this.#boots.take() : undefined) ?? this.#ready.take();
  }

  #freesBoot({ id, step }: Operation): boolean {
    if (step === "ready") return this.#ids.has(id.replace(/:ready$/, ":start"));
    return step === "start" && !this.#ids.has(id.replace(/:start$/, ":ready"));
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

/** First in, first out. */
class Queue {
  readonly #all: Operation[] = [];
  #taken = 0;

  add(operation: Operation): void {
    this.#all.push(operation);
  }

  take(): Operation | undefined {
    const operation = this.#all[this.#taken];
    if (operation !== undefined) this.#taken++;
    return operation;
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
