/** The space on the host's disk that VMs, images and snapshots have to grow in, as each lab wants it. */
import type { Home } from "../../home.ts";
import type { AlertSettings } from "../../host/operations/alert-settings.ts";
import { formatSize } from "../../units.ts";
import type { Finding } from "./finding.ts";

/** A lab as far as the host's disk is concerned: that can be looked at whoever is at work on the lab. */
export interface AlertedLab {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  readonly lineage: string;
  readonly settings: AlertSettings;
}

/**
 * A guest's thin disk that is full is the guest's own matter; what it takes of the host is not. Labs that want the same are
 * told the same; one that is left out of a look changes nothing for the others. Sizes in bytes.
 */
export function diskFinding(
  { name, folder, lineage, settings: { diskFree } }: AlertedLab,
  { free, total }: { readonly free: number; readonly total: number },
  home: Home,
): Finding | undefined {
  if (free >= diskFree) return undefined;
  const space = `${formatSize(free)} of ${formatSize(total)} at ${home.root}`;
  return {
    scope: diskScope(lineage),
    kind: "disk-low",
    address: "",
    lab: { name, folder },
    subject: "the host",
    what: `has little space left: ${space}, less than ${formatSize(diskFree)}`,
    remedy: "vmlab images prune",
    afterMs: 0,
  };
}

export function diskScope(lineage: string): string {
  return `disk-${lineage}`;
}
