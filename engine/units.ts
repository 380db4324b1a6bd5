/** Sizes and durations as people write and read them. Inside, sizes are bytes and durations milliseconds. */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  t: 1000 ** 4,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * Bytes of a size such as `2GiB`, `512 MiB`, `10GB`, `1.5G` or a plain number; undefined when it is none. With an `i` a
 * unit is a power of 1024, without one a power of 1000. Fractions of a byte are rounded up.
 */
export function parseSize(text: string | number): number | undefined {
  if (typeof text === "number") return Number.isSafeInteger(text) && text >= 0 ? text : undefined;
  const match = /^([0-9]+(?:\.[0-9]+)?) ?(?:([kKMGT]i?)?B?)$/.exec(text.trim());
  const factor = SIZE_UNITS[(match?.[2] ?? "").toLowerCase()];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  const bytes = Math.ceil(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds of a duration such as `30s`, `5m`, `1h30m` or `7d`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text.trim());
  if (match === null || match[0] === "") return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const ms =
    (days ?? 0) * DAY_MS + (hours ?? 0) * HOUR_MS + (minutes ?? 0) * MINUTE_MS + (seconds ?? 0) * SECOND_MS;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** A size in three significant digits at most: `612 MiB`, `1.5 GiB`, `20 GiB`, `0 B`. */
export function formatSize(bytes: number): string {
  const sign = bytes < 0 ? "-" : "";
  let value = Math.abs(bytes);
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  // 1023.6 KiB would round to a thousand of something; the next unit says it better.
  while (unit < units.length - 1 && Math.round(value) >= 1024) {
    value /= 1024;
    unit += 1;
  }
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  return `${sign}${rounded} ${units[unit]}`;
}

/**
 * A duration in its two largest units: `350ms`, `40s`, `6m`, `1m 20s`, `2h 5m`, `7d`. From ten minutes on seconds, and
 * from a day on minutes, are left out.
 */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)}ms`;
  const [step, larger, largerName, smaller, smallerName] = scaleOf(ms);
  const rounded = Math.round(ms / step) * step;
  const whole = Math.floor(rounded / larger);
  const rest = Math.round((rounded - whole * larger) / smaller);
  if (whole === 0) return `${rest}${smallerName}`;
  return rest === 0 ? `${whole}${largerName}` : `${whole}${largerName} ${rest}${smallerName}`;
}

/** What an estimate is: `~6m`. */
export function formatEstimate(ms: number): string {
  return `~${formatDuration(ms)}`;
}

type Scale = readonly [
  step: number,
  larger: number,
  largerName: string,
  smaller: number,
  smallerName: string,
];

function scaleOf(ms: number): Scale {
  if (ms < 10 * MINUTE_MS - SECOND_MS / 2) return [SECOND_MS, MINUTE_MS, "m", SECOND_MS, "s"];
  if (ms < DAY_MS - MINUTE_MS / 2) return [MINUTE_MS, HOUR_MS, "h", MINUTE_MS, "m"];
  return [HOUR_MS, DAY_MS, "d", HOUR_MS, "h"];
}
