/** `[alerts]` of lab.toml. */
import { parseDuration, parseSize } from "../../config/sizes.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";

export interface AlertSettings {
  /** Program and arguments that get every alert; undefined: none. */
  readonly command?: readonly string[];
  /** An operation that takes this many times as long as expected raises an alert. */
  readonly overrun: number;
  /** One from which nothing came for this many milliseconds does too. */
  readonly stalledMs: number;
  /** A ready.command that fails for this many milliseconds raises an alert. */
  readonly probeMs: number;
  /** The host's disk does when it has fewer bytes free than this. */
  readonly diskFree: number;
}

export const DEFAULT_ALERTS: AlertSettings = {
  overrun: 3,
  stalledMs: 10 * 60_000,
  probeMs: 5 * 60_000,
  diskFree: 5 * 2 ** 30,
};

/** From a lab's document, which need not be valid: what is wrong is as good as absent. */
export function alertSettings(document: JsonObject): AlertSettings {
  const table = isJsonObject(document.alerts) ? document.alerts : {};
  const { command, overrun, stalled, probe, disk_free: diskFree } = table;
  return {
    ...(isCommand(command) ? { command } : {}),
    overrun: typeof overrun === "number" ? overrun : DEFAULT_ALERTS.overrun,
    stalledMs: parseDuration(stalled) ?? DEFAULT_ALERTS.stalledMs,
    probeMs: parseDuration(probe) ?? DEFAULT_ALERTS.probeMs,
    diskFree: parseSize(diskFree) ?? DEFAULT_ALERTS.diskFree,
  };
}

/** A command of which a word is missing would be another. */
function isCommand(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string");
}
