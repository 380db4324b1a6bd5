/** What stands in a lock file. */
import { isJsonObject } from "../json.ts";
import type { LockHolder } from "./types.ts";

export interface LockRecord {
  /** Tells two locks of the same process apart. */
  readonly token: string;
  readonly holder: LockHolder;
}

export function encodeLock(record: LockRecord): string {
  return `${JSON.stringify({ ...record.holder, token: record.token })}\n`;
}

/** Undefined when the text is no lock. */
export function decodeLock(text: string): LockRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { token, pid, startTime, bootId, host, hostName, user, command, since } = value;
  const known =
    typeof token === "string" &&
    // Part of a file name.
    /^[0-9a-f]+$/.test(token) &&
    typeof pid === "number" &&
    typeof startTime === "string" &&
    typeof bootId === "string" &&
    typeof host === "string" &&
    typeof hostName === "string" &&
    typeof user === "string" &&
    typeof command === "string" &&
    typeof since === "number";
  if (!known) return undefined;
  return { token, holder: { pid, startTime, bootId, host, hostName, user, command, since } };
}

/** `vmlab apply` (pid 4711, user anna on box). */
export function holderText(holder: LockHolder): string {
  return `\`vmlab ${holder.command}\` (pid ${holder.pid}, user ${holder.user} on ${holder.hostName})`;
}

/** Since when, in UTC. */
export function sinceText(holder: LockHolder): string {
  const iso = new Date(holder.since).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
