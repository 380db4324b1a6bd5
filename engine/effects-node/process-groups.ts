/** Process groups that vmlab has started and that have to end with it. */
import { signalProcess } from "./signal-process.ts";

/** Groups that would outlive vmlab if it ended now. */
const runningGroups = new Set<number>();
let watchesExit = false;

/** A program in a group of its own does not see the terminal's Ctrl-C, nor the end of vmlab. */
export function trackGroup(pid: number): void {
  runningGroups.add(pid);
  if (watchesExit) return;
  watchesExit = true;
  process.on("exit", () => {
    for (const group of runningGroups) signalProcess(-group, "SIGTERM");
  });
}

export function untrackGroup(pid: number): void {
  runningGroups.delete(pid);
}
