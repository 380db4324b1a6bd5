/** What happens to the store by itself, after a successful apply. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { readHostConfig } from "../../engine/host/host-config.ts";
import { formatSize } from "../../engine/units.ts";

/** Removes what nobody has needed for `store.keep`. Resolves with a line for people, when there is something to say. */
export async function tidyStore(effects: Effects, home: Home, now: number): Promise<readonly string[]> {
  const { store } = await readHostConfig(effects, home);
  const { pruneOrphans } = await import("./registry/index.ts");
  const { removed, freed, blocked } = await pruneOrphans(effects, home, { now, keepMs: store.keepMs });
  if (removed.length === 0)
    return blocked.map(({ summary }) => `nothing was pruned from the image store: ${summary}`);
  const names = removed.map(({ name }) => name);
  const shown =
    names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
  return [`pruned from the image store, unused for long: ${shown} (${formatSize(freed)})`];
}
