/** The one word that tells how a VM is, wherever VMs are listed. */
import type { VmObservation } from "../../providers/provider.ts";

export type VmState =
  | "running"
  | "paused"
  | "suspended"
  | "stopped"
  /** It ended without a shutdown. */
  | "crashed"
  /** It is recorded, and does not exist. */
  | "missing"
  | "incomplete"
  | "broken";

export function vmStateOf(observation: VmObservation | undefined): VmState {
  if (observation === undefined) return "missing";
  switch (observation.state) {
    case "running":
      return observation.paused ? "paused" : "running";
    case "stopped":
      if (observation.suspended === true) return "suspended";
      return observation.clean ? "stopped" : "crashed";
    case "absent":
      return "missing";
    case "incomplete":
      return "incomplete";
    case "broken":
      return "broken";
  }
}
