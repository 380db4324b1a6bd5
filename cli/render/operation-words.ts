/** What operations are called on the screen. */
import type { OperationLabel, Progress } from "../../engine/events.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";

const WORDS: Readonly<Record<string, { readonly doing: string; readonly done: string }>> = {
  generate: { doing: "generating", done: "generated" },
  network: { doing: "setting up", done: "set up" },
  disconnect: { doing: "removing", done: "removed" },
  obtain: { doing: "getting the image", done: "in the store" },
  allocate: { doing: "making the disk", done: "made" },
  grow: { doing: "growing", done: "grown" },
  trash: { doing: "moving to the trash", done: "in the trash" },
  detach: { doing: "detaching volumes", done: "volumes detached" },
  create: { doing: "creating", done: "created" },
  start: { doing: "starting", done: "started" },
  ready: { doing: "waiting until ready", done: "ready" },
  provision: { doing: "provisioning", done: "provisioned" },
  stop: { doing: "stopping", done: "stopped" },
  pause: { doing: "pausing", done: "paused" },
  suspend: { doing: "suspending", done: "suspended" },
  resume: { doing: "resuming", done: "resumed" },
  update: { doing: "updating", done: "updated" },
  retire: { doing: "putting the old machine away", done: "old machine put away" },
  delete: { doing: "deleting", done: "deleted" },
  forget: { doing: "forgetting", done: "forgotten" },
  copy: { doing: "copying", done: "copied" },
  export: { doing: "exporting", done: "exported" },
  snapshot: { doing: "taking a snapshot", done: "snapshot taken" },
  restore: { doing: "restoring", done: "restored" },
  "delete snapshot": { doing: "removing the snapshot", done: "snapshot removed" },
  import: { doing: "importing", done: "imported" },
  move: { doing: "moving", done: "moved" },
  record: { doing: "recording", done: "recorded" },
};

/** `starting`. */
export function doing(operation: OperationLabel): string {
  if (builds(operation)) return "building";
  return WORDS[operation.step]?.doing ?? operation.step;
}

function builds({ step, action, address }: OperationLabel): boolean {
  return step === "obtain" && (action === "build" || address.startsWith("role."));
}

/** `started`. */
export function done(operation: OperationLabel): string {
  return WORDS[operation.step]?.done ?? `${operation.step} done`;
}

/** `312 MiB of 612 MiB  24 MiB/s  12s left`; empty when nothing is known. */
export function progressText(progress: Progress): string {
  const parts: string[] = [];
  const { unit, done: value, total, ratePerSecond, etaMs } = progress;
  if (unit === "bytes") {
    parts.push(total === undefined ? formatSize(value) : `${formatSize(value)} of ${formatSize(total)}`);
    if (ratePerSecond !== undefined) parts.push(`${formatSize(ratePerSecond)}/s`);
  } else if (unit === "steps" && total !== undefined) parts.push(`${value} of ${total}`);
  if (etaMs !== undefined) parts.push(`${formatDuration(etaMs)} left`);
  return parts.join("  ");
}

/** `[######----]`, or empty when the whole is not known. */
export function progressBar(progress: Progress, width: number): string {
  const { done: value, total } = progress;
  if (total === undefined || total <= 0) return "";
  const filled = Math.max(0, Math.min(width, Math.floor((value / total) * width)));
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}
