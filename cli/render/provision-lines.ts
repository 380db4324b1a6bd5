/** The log of a VM's provisioning as text: each step with what it printed, how long it took and how it ended. */
import type { ProvisionEntry } from "../../engine/host/provision-log.ts";
import { formatDuration } from "../../engine/units.ts";

/** Lines without control characters are the caller's care. Times are UTC, as everywhere in vmlab. */
export function provisionLines(entries: readonly ProvisionEntry[]): string[] {
  const lines: string[] = [];
  let open = false;
  for (const entry of entries) {
    switch (entry.type) {
      case "step":
        // What a step that came to no end left: vmlab was killed.
        if (open) lines.push("  (cut off)");
        lines.push(`${timeText(entry.time)}  ${entry.number}/${entry.total}  ${entry.step}`);
        open = true;
        break;
      case "output":
        lines.push(`  | ${entry.line}`);
        break;
      case "end":
        lines.push(`  ${entry.result} after ${formatDuration(entry.durationMs)}${codeText(entry)}`);
        open = false;
    }
  }
  return lines;
}

function codeText({ code, result }: Extract<ProvisionEntry, { type: "end" }>): string {
  if (code === undefined) return "";
  if (code === null) return result === "interrupted" ? "" : ", ended by a signal or its deadline";
  return `, exit code ${code}`;
}

function timeText(time: number): string {
  const iso = new Date(time).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
