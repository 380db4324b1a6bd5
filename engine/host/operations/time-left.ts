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
 * From the plan's estimate and the time since the start, but never less than what a running step says it needs. When
 * nothing waits any more, what runs is all there is, and tells more than the plan.
 */
export function timeLeft(
  record: Pick<OperationRecord, "started" | "estimateMs">,
  standing: Standing,
  now: number,
): TimeLeft {
  const { estimateMs, started } = record;
  const steps = standing.running.map((step) => stepLeft(step, now));
  const known = steps.filter((ms) => ms !== undefined);
  const longest = Math.max(0, ...known);
  const running = standing.running.length + standing.more;
  const nothingWaits = running > 0 && standing.ended + running >= standing.total;
  if (nothingWaits && known.length === running) return { kind: "known", ms: longest };
  if (estimateMs === undefined) return { kind: "unknown" };
  const planned = started + estimateMs - now;
  if (planned <= 0) return { kind: "overdue", expectedMs: estimateMs };
  return { kind: "known", ms: Math.max(planned, longest) };
}

function stepLeft(step: RunningStep, now: number): number | undefined {
  const { progress, progressAt, estimateMs, since } = step;
  if (progress?.etaMs !== undefined) return Math.max(0, progress.etaMs - (now - (progressAt ?? now)));
  if (estimateMs === undefined || now - since >= estimateMs) return undefined;
  return estimateMs - (now - since);
}
