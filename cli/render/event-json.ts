/** Events as NDJSON: one JSON object a line, each with the time at which vmlab wrote it. */
import type { Event } from "../../engine/events.ts";

/** One line, newline included. `time` is ISO 8601 in UTC; `lab` is there where several labs are worked on. */
export function eventJson(event: Event, now: number, lab?: string): string {
  const about = lab === undefined ? {} : { lab };
  return `${JSON.stringify({ time: new Date(now).toISOString(), ...about, ...event })}\n`;
}
