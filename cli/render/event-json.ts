/** Events as NDJSON: one JSON object a line, each with the time at which vmlab wrote it. */
import type { Event } from "../../engine/events.ts";

/** One line, newline included. `time` is ISO 8601 in UTC. */
export function eventJson(event: Event, now: number): string {
  return `${JSON.stringify({ time: new Date(now).toISOString(), ...event })}\n`;
}
