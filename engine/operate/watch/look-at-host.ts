/** One look at the host: the space that VMs, images and snapshots have to grow in. */
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { formatSize } from "../../units.ts";
import type { Finding } from "./finding.ts";

/** A guest's thin disk that is full is the guest's own matter; what it takes of the host is not. Sizes in bytes. */
export async function lookAtHost(
  effects: Pick<Effects, "host">,
  home: Home,
  diskFree: number,
): Promise<{ readonly findings: readonly Finding[]; readonly free: number }> {
  const { free, total } = await effects.host.disk(home.root);
  if (free >= diskFree) return { findings: [], free };
  const finding: Finding = {
    scope: "host",
    kind: "disk-low",
    address: "",
    subject: "the host",
    what: `has little space left: ${formatSize(free)} of ${formatSize(total)} at ${home.root}`,
    remedy: "vmlab images prune",
    afterMs: 0,
  };
  return { findings: [finding], free };
}
