/** Notices that an operation stalls or takes far longer than expected. Pure: time comes in. */
import { formatDuration } from "../../units.ts";
import type { AlertSettings } from "./alert-settings.ts";
import type { RunningStep } from "./standing.ts";

export type Finding =
  | { readonly kind: "stalled"; readonly what: string }
  | { readonly kind: "overrun"; readonly what: string };

/** A step of three times two seconds is nothing to call anybody for. */
const LEAST_EXCESS_MS = 60_000;
/** When a tick comes so much too late, the host or the process slept; that time does not count. */
const SLEPT_MS = 30_000;

export class Watch {
  readonly #settings: AlertSettings;
  readonly #tickMs: number;
  readonly #estimateMs: number | undefined;
  readonly #started: number;
  #lastTick: number;
  #lastHeard: number;
  #sleptMs = 0;
  /** Told of this silence already. */
  #stalled = false;
  #overran = false;

  constructor(options: {
    readonly settings: AlertSettings;
    readonly started: number;
    readonly estimateMs: number | undefined;
    /** How far apart ticks are meant to be. */
    readonly tickMs: number;
  }) {
    this.#settings = options.settings;
    this.#started = options.started;
    this.#estimateMs = options.estimateMs;
    this.#tickMs = options.tickMs;
    this.#lastTick = options.started;
    this.#lastHeard = options.started;
  }

  /** Something came from the operation. */
  heard(now: number): void {
    this.#lastHeard = now;
    this.#stalled = false;
  }

  /** What is new since the last tick. A silence is told of once, an overrun once for the whole operation. */
  tick(now: number, running: readonly RunningStep[]): Finding[] {
    const late = now - this.#lastTick - this.#tickMs;
    this.#lastTick = now;
    if (late > SLEPT_MS) {
      this.#sleptMs += late;
      this.#lastHeard = Math.min(now, this.#lastHeard + late);
    }
    const findings: Finding[] = [];
    const silentMs = now - this.#lastHeard;
    if (!this.#stalled && silentMs >= this.#settings.stalledMs) {
      this.#stalled = true;
      const [first] = running;
      const at = first === undefined ? "" : `, last at ${first.address}: ${first.phase ?? first.step}`;
      findings.push({ kind: "stalled", what: `stalls: nothing came for ${formatDuration(silentMs)}${at}` });
    }
    const overrun = this.#overran ? undefined : this.#overrun(now, running);
    if (overrun !== undefined) {
      this.#overran = true;
      findings.push({ kind: "overrun", what: overrun });
    }
    return findings;
  }

  #overrun(now: number, running: readonly RunningStep[]): string | undefined {
    const elapsed = now - this.#started - this.#sleptMs;
    const estimate = this.#estimateMs;
    if (estimate !== undefined && this.#isFarBeyond(elapsed, estimate)) {
      return `has taken ${formatDuration(elapsed)}, expected were ${formatDuration(estimate)}`;
    }
    for (const { address, phase, step, since, begun, queued, estimateMs } of running) {
      if (queued === true) continue;
      const took = now - (begun ?? since) - this.#sleptMs;
      if (estimateMs !== undefined && this.#isFarBeyond(took, estimateMs)) {
        return `takes long: ${address} (${phase ?? step}) has taken ${formatDuration(took)}, expected were ${formatDuration(estimateMs)}`;
      }
    }
    return undefined;
  }

  #isFarBeyond(ms: number, expectedMs: number): boolean {
    return ms >= expectedMs * this.#settings.overrun && ms - expectedMs >= LEAST_EXCESS_MS;
  }
}
