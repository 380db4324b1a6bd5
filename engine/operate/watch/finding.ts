/** Trouble that a look at machines, images and the host finds. */
import type { Alert, WatchAlertKind } from "../../host/operations/alert.ts";

export interface Finding {
  /** What was looked at: lineage of a lab, or the disk as it wants it (`disk-LINEAGE`). */
  readonly scope: string;
  readonly kind: WatchAlertKind;
  /** Empty for the host itself. */
  readonly address: string;
  readonly lab?: { readonly name: string; readonly folder: string };
  /** `vm.web of demo`, `the host`. */
  readonly subject: string;
  /** As the sentence goes on behind the subject: `died: QEMU died`. */
  readonly what: string;
  /** The command that helps. */
  readonly remedy: string;
  /** It counts when it has lasted this many milliseconds; 0: at once. */
  readonly afterMs: number;
}

/** The same trouble has the same key in each look. */
export function keyOf({ scope, kind, address }: Pick<Finding, "scope" | "kind" | "address">): string {
  return `${scope}/${kind}/${address}`;
}

export function alertOf(finding: Finding, time: number): Alert {
  const { kind, address, lab, subject, what, remedy } = finding;
  return {
    kind,
    ...(address === "" ? {} : { address }),
    subject,
    ...(lab === undefined ? {} : { lab: lab.name, folder: lab.folder }),
    time,
    what,
    remedy,
  };
}
