/** Whether a VM was made to be off. */
import type { PowerOverride } from "./types.ts";

/** One that stands still keeps its memory, and is expected to be there. */
export function isOff(override: PowerOverride | undefined): boolean {
  return override !== undefined && override.state !== "paused";
}
