/** How far an operation is, from its events: what is done, what runs now. */
import type { Event, Progress } from "../../events.ts";
import { isJsonObject } from "../../json.ts";

export interface Standing {
  readonly total: number;
  /** Steps that ended, well or not. */
  readonly ended: number;
  readonly failed: number;
  /** Oldest first; at most {@link MOST_LISTED}. */
  readonly running: readonly RunningStep[];
  /** Running steps that are not listed. */
  readonly more: number;
}

export interface RunningStep {
  readonly address: string;
  readonly step: string;
  readonly action: string;
  readonly since: number;
  readonly estimateMs?: number;
  readonly phase?: string;
  readonly progress?: Progress;
  /** When `progress` was told. */
  readonly progressAt?: number;
  /** It waits for its turn. */
  readonly queued?: true;
  /** When its turn came, if it waited for that. */
  readonly begun?: number;
}

const MOST_LISTED = 20;

/** Follows events; O(1) each. */
export class StandingFollower {
  readonly #running = new Map<string, Following>();
  #total = 0;
  #ended = 0;
  #failed = 0;

  take(event: Event, now: number): void {
    switch (event.type) {
      case "run-started":
        this.#total = event.operations;
        return;
      case "operation-started":
        this.#running.set(event.operation.id, {
          started: event,
          since: now,
          told: undefined,
          toldAt: now,
          begun: undefined,
        });
        return;
      case "operation-progress": {
        const running = this.#running.get(event.operation.id);
        if (running === undefined) return;
        if (running.told?.queued === true && event.queued === undefined) running.begun = now;
        running.told = event;
        running.toldAt = now;
        return;
      }
      case "operation-failed":
        this.#failed += 1;
        this.#end(event.operation.id);
        return;
      case "operation-finished":
      case "operation-skipped":
        this.#end(event.operation.id);
        return;
      default:
        return;
    }
  }

  standing(): Standing {
    const running: RunningStep[] = [];
    for (const following of this.#running.values()) {
      if (running.length === MOST_LISTED) break;
      running.push(stepOf(following));
    }
    return {
      total: this.#total,
      ended: this.#ended,
      failed: this.#failed,
      running,
      more: this.#running.size - running.length,
    };
  }

  /** All steps that run, oldest first. */
  running(): RunningStep[] {
    return [...this.#running.values()].map(stepOf);
  }

  #end(id: string): void {
    this.#running.delete(id);
    this.#ended += 1;
  }
}

/** The events themselves are kept: most steps end before anybody asks. */
interface Following {
  readonly started: Event & { readonly type: "operation-started" };
  readonly since: number;
  told: (Event & { readonly type: "operation-progress" }) | undefined;
  toldAt: number;
  begun: number | undefined;
}

function stepOf({ started, since, told, toldAt, begun }: Following): RunningStep {
  const { address, step, action } = started.operation;
  const { estimateMs } = started;
  const progress = told?.progress;
  return {
    address,
    step,
    action,
    since,
    ...(estimateMs === undefined ? {} : { estimateMs }),
    ...(told === undefined ? {} : { phase: told.phase }),
    ...(progress === undefined ? {} : { progress, progressAt: toldAt }),
    ...(told?.queued === true ? { queued: true } : {}),
    ...(begun === undefined ? {} : { begun }),
  };
}

/** Undefined when the text is no standing. */
export function parseStanding(text: string): Standing | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const sound =
      isJsonObject(value) &&
      ["total", "ended", "failed", "more"].every((field) => typeof value[field] === "number") &&
      Array.isArray(value.running);
    return sound ? (value as unknown as Standing) : undefined;
  } catch {
    return undefined;
  }
}
