/** An operation as it is now: its record, whether its process lives, how far it is. */
import { asItIs } from "../../engine/host/operations/current.ts";
import { isUnderWay, type OperationRecord } from "../../engine/host/operations/record.ts";
import type { Standing } from "../../engine/host/operations/standing.ts";
import { readStanding } from "../../engine/host/operations/store.ts";
import { type TimeLeft, timeLeft } from "../../engine/host/operations/time-left.ts";
import type { Json } from "../../engine/json.ts";
import type { CommandContext } from "../context.ts";

export interface OperationView {
  /** One whose process is gone counts as died here, whether or not that is on record yet. */
  readonly record: OperationRecord;
  /** While it runs. */
  readonly standing?: Standing;
  /** While it runs and nobody asked it to stop. */
  readonly left?: TimeLeft;
}

export async function viewOf(context: CommandContext, read: OperationRecord): Promise<OperationView> {
  const { effects, home } = context;
  const record = await asItIs(effects, home, read);
  if (!isUnderWay(record)) return { record };
  const standing = await readStanding(effects, home, record.id);
  if (standing === undefined || record.state !== "running") return { record };
  const stopping = record.stopping !== undefined;
  return {
    record,
    standing,
    ...(stopping ? {} : { left: timeLeft(record, standing, effects.clock.now()) }),
  };
}

/** For programs: times in ISO 8601, durations in milliseconds. */
export function viewJson({ record, standing, left }: OperationView, now: number): Json {
  const iso = (time: number): string => new Date(time).toISOString();
  const ended = "ended" in record ? record.ended : undefined;
  const failures = "failures" in record ? record.failures : [];
  return {
    id: record.id,
    kind: record.kind,
    command: record.command,
    lab: record.lab?.name ?? null,
    folder: record.lab?.folder ?? null,
    state: record.state,
    stopping: record.state === "running" ? (record.stopping ?? null) : null,
    detached: record.detached,
    pid: record.process.pid,
    host: record.process.hostName,
    started: iso(record.started),
    ended: ended === undefined ? null : iso(ended),
    durationMs: (ended ?? now) - record.started,
    exitCode: "exitCode" in record ? (record.exitCode ?? null) : null,
    total: standing?.total ?? record.total ?? null,
    done: standing?.ended ?? record.done ?? null,
    counts: "counts" in record ? { ...record.counts } : null,
    estimateMs: record.estimateMs ?? null,
    timeLeftMs: left?.kind === "known" ? Math.round(left.ms) : null,
    running: (standing?.running ?? []).map(({ since, progressAt: _, ...step }) => ({
      ...step,
      since: iso(since),
    })) as unknown as Json,
    failures: failures.map(({ code, summary, address, hint }) => ({
      code,
      summary,
      address: address ?? null,
      hint: hint ?? null,
    })),
    alerts: record.alerts.map(({ kind, what, time }) => ({ kind, what, time: iso(time) })),
  };
}
