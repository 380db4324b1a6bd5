/** How long the host keeps deleted VMs, for the data-loss line of a plan. */
import { formatDuration } from "../engine/units.ts";
import type { CommandContext } from "./context.ts";

/** `7 days`; undefined when nothing is kept. */
export async function trashKept(context: CommandContext): Promise<string | undefined> {
  const { readHostConfig } = await import("../engine/host/host-config.ts");
  const { trash } = await readHostConfig(context.effects, context.home);
  if (trash.keepMs <= 0) return undefined;
  const days = trash.keepMs / 86_400_000;
  if (Number.isInteger(days)) return days === 1 ? "1 day" : `${days} days`;
  return formatDuration(trash.keepMs);
}
