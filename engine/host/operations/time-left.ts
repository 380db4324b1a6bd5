/** How long an operation will still take, as far as that can be told honestly. */
import type { OperationRecord } from "./record.ts";
import type { RunningStep, Standing } from "./standing.ts";

export type TimeLeft =
  | { readonly kind: "known"; readonly ms: number }
  /** Nothing is recorded of how long this takes. */
  | { readonly kind: "unknown" }
  /** It takes longer than expected already. */
  | { readonly kind: "overdue"; readonly expectedMs: number };

/**
 * From the plan's estimate and the time since the start, but never less than what running steps say they need. When
 * nothing waits any more, what runs is all there is, and tells more than the plan; unless some of it waits for its turn,
 * which may come later than can be seen from here.
 */
export function timeLeft(
  record: Pick<OperationRecord, "started" | "estimateMs">,
  standing: Standing,
  now: number,
): TimeLeft {
  const { estimateMs, started } = record;
  const steps = standing.running.map((step) => stepLeft(step, now));
  const longest = oneAfterAnother(standing.running, steps);
  const running = standing.running.length + standing.more;
  const nothingWaits = running > 0 && standing.ended + running >= standing.total;
  const allKnown = standing.more === 0 && steps.every((ms) => ms !== undefined);
  const queued = standing.running.some((step) => step.queued === true);
  if (nothingWaits && allKnown && !queued) return { kind: "known", ms: longest };
  if (estimateMs === undefined) {
    return nothingWaits && allKnown ? { kind: "known", ms: longest } : { kind: "unknown" };
  }
  const planned = started + estimateMs - now;
  if (planned <= 0 && !(queued && allKnown)) return { kind: "overdue", expectedMs: estimateMs };
  return { kind: "known", ms: Math.max(planned, longest) };
}

/**
 * Milliseconds until the last of these steps ends, as far as they are known. Those that wait for their turn get it one
 * after the other, as soon as one of the same kind has ended.
 */
function oneAfterAnother(running: readonly RunningStep[], left: readonly (number | undefined)[]): number {
  let longest = 0;
  const turns = new Map<string, number[]>();
  for (const [index, { step, queued }] of running.entries()) {
    if (queued === true) continue;
    const ms = left[index] ?? 0;
    longest = Math.max(longest, ms);
    turns.set(step, [...(turns.get(step) ?? []), ms]);
  }
  for (const [index, { step, queued }] of running.entries()) {
    if (queued !== true) continue;
    const free = turns.get(step) ?? [0];
    const next = free.indexOf(Math.min(...free));
    const end = (free[next] ?? 0) + (left[index] ?? 0);
    free[next] = end;
    turns.set(step, free);
    longest = Math.max(longest, end);
  }
  return longest;
}

function stepLeft(step: RunningStep, now: number): number | undefined {
  const { progress, progressAt, estimateMs, since, begun, queued } = step;
  if (progress?.etaMs !== undefined) return Math.max(0, progress.etaMs - (now - (progressAt ?? now)));
  if (estimateMs === undefined || queued === true) return estimateMs;
  const took = now - (begun ?? since);
  return took >= estimateMs ? undefined : estimateMs - took;
}
