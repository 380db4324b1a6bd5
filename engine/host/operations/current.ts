/** Finds operations whose process is gone, and alerts that nobody has seen. Costs one listing when there are none. */
import { systemErrorCode } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { type Alert, alertAbout, takeAlerts } from "./alert.ts";
import { currentFolder, isOperationId, placesOf } from "./places.ts";
import { isAlive } from "./process-mark.ts";
import { isUnderWay, type OperationRecord } from "./record.ts";
import { readOperation, writeOperation } from "./store.ts";

type SweepEffects = Pick<Effects, "files" | "processes" | "host" | "clock">;

/** Alerts for whoever uses vmlab next, oldest first. Each is given once. */
export async function takeUnseenAlerts(effects: SweepEffects, home: Home): Promise<Alert[]> {
  const names = await effects.files.list(currentFolder(home));
  if (names.length === 0) return [];
  return [...(await takeAlerts(effects, home, names)), ...(await deathsAmong(effects, home, names))];
}

/** Operations that have died without anybody having noticed before. */
export async function findDeaths(effects: SweepEffects, home: Home): Promise<Alert[]> {
  return await deathsAmong(effects, home, await effects.files.list(currentFolder(home)));
}

async function deathsAmong(effects: SweepEffects, home: Home, names: readonly string[]): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (const name of names) {
    const id = name.endsWith(".json") ? name.slice(0, -".json".length) : "";
    if (!isOperationId(id)) continue;
    const died = await recordDeath(effects, home, id);
    if (died !== undefined) alerts.push(died);
  }
  return alerts;
}

/**
 * The record as it is now. One that seems to be under way while its process is gone has died, or was stopped at once;
 * that is not written.
 */
export async function asItIs(
  effects: Pick<Effects, "files" | "processes" | "host">,
  home: Home,
  record: OperationRecord,
): Promise<OperationRecord> {
  if (!isUnderWay(record) || (await isAlive(effects, record.process)) !== false) return record;
  // It may have come to its end well, and left, since the record was read.
  const now = (await readOperation(effects, home, record.id)) ?? record;
  if (!isUnderWay(now) || now.process.pid !== record.process.pid) return now;
  const places = placesOf(home, now.id);
  const traces = await Promise.all([places.events, places.record].map((path) => effects.files.stat(path)));
  const lastSeen = Math.max(now.started, ...traces.map((trace) => Math.round(trace?.mtimeMs ?? 0)));
  // Who asked it to stop at once knows that it did not come to say goodbye.
  const stopped = now.state === "running" && now.stopping !== undefined;
  return { ...now, state: stopped ? "interrupted" : "died", ended: lastSeen, failures: [] };
}

async function recordDeath(effects: SweepEffects, home: Home, id: string): Promise<Alert | undefined> {
  const record = await readOperation(effects, home, id);
  const now = record === undefined ? undefined : await asItIs(effects, home, record);
  if (now !== undefined && isUnderWay(now)) return undefined;
  let alert: Alert | undefined;
  // Otherwise somebody else has found it, or it came to its end and could not take its traces away.
  if (record !== undefined && isUnderWay(record) && now !== undefined) {
    alert = now.state === "died" ? deathAlert(now, effects.clock.now()) : undefined;
    const alerts = alert === undefined ? now.alerts : [...now.alerts, alert];
    await writeOperation(effects, home, { ...now, alerts }).catch(ignoreMissing);
  }
  await effects.files.remove(placesOf(home, id).standing);
  return alert;
}

function deathAlert(record: OperationRecord, now: number): Alert {
  const what = `died: its process (pid ${record.process.pid}) is gone without having finished`;
  return alertAbout(record, "died", what, now);
}

/** Another command may have removed the record in the meantime. */
function ignoreMissing(error: unknown): void {
  if (systemErrorCode(error) !== "ENOENT") throw error;
}
