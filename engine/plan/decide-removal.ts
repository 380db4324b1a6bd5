/** What happens to a resource that is in the state and no longer declared (or is destroyed). */
import type { VmObservation, VolumeObservation } from "../../providers/provider.ts";
import type { ResourceState } from "../state/types.ts";
import { takesSnapshot } from "./automatic-snapshot.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import type { DataLoss, Reason, Step } from "./types.ts";
import { volumesOf } from "./volume-moves.ts";

/** [[removed]]: what exists stays, and the lab knows of it no more. */
export function decideForgetting(
  { address, instance, type, inputs }: ResourceState,
  reason: Reason,
): Decision {
  const back =
    type === "vm" && instance !== undefined ? `; \`vmlab import ${address} ${instance}\` takes it back` : "";
  return {
    ...NO_CHANGE,
    action: "forget",
    summary: `stays as it is${back}`,
    reasons: [reason],
    steps: ["forget"],
    notes: volumesOf(inputs).map((volume) => ({
      address,
      text: `goes on using ${volume}: let it go there before another VM gets it`,
    })),
  };
}

export function decideRemoval(
  recorded: ResourceState,
  observation: VmObservation | VolumeObservation | undefined,
  reason: Reason,
): Decision {
  switch (recorded.type) {
    case "image":
    case "role":
      return {
        ...NO_CHANGE,
        action: "forget",
        summary: "not used by this lab any more; stays in the store",
        reasons: [reason],
        steps: ["forget"],
      };
    case "secret":
      return {
        ...NO_CHANGE,
        action: "delete",
        summary: "the value is forgotten",
        reasons: [reason],
        steps: ["forget"],
        dataLoss: [{ address: recorded.address, what: "the value", final: true }],
      };
    case "network":
      return {
        ...NO_CHANGE,
        action: "delete",
        summary: "nobody is in it any more",
        reasons: [reason],
        steps: ["disconnect"],
      };
    case "volume": {
      const gone = observation?.state === "absent";
      return {
        ...NO_CHANGE,
        action: "delete",
        summary: gone ? "already gone" : "moved to the trash",
        reasons: [reason],
        steps: ["trash"],
        dataLoss: gone ? [] : [volumeLoss(recorded)],
      };
    }
    case "vm": {
      const gone = observation?.state === "absent";
      const running =
        observation === undefined ? recorded.phase !== "created" : observation.state === "running";
      const suspended = observation?.state === "stopped" && observation.suspended === true;
      const snapshot: Step[] = takesSnapshot(recorded.inputs) ? ["snapshot"] : [];
      const steps: Step[] = running ? [...snapshot, "stop", "delete"] : ["delete"];
      const size = recorded.inputs.disk;
      const loss: DataLoss[] = gone
        ? []
        : [
            {
              address: recorded.address,
              what: "disk",
              ...(typeof size === "number" ? { size } : {}),
              final: false,
            },
            ...(suspended ? [savedMemoryLoss(recorded)] : []),
          ];
      return {
        ...NO_CHANGE,
        action: "delete",
        summary: gone ? "already gone" : running ? "stopped, then moved to the trash" : "moved to the trash",
        reasons: [reason],
        steps,
        dataLoss: loss,
      };
    }
  }
}

/** What a suspended VM loses on its way to the trash. */
export function savedMemoryLoss({ address }: { readonly address: string }): DataLoss {
  return { address, what: "saved memory", final: true };
}

/** What goes when a volume is removed or made anew. */
export function volumeLoss({ address, inputs: { size } }: ResourceState): DataLoss {
  return { address, what: "all data", ...(typeof size === "number" ? { size } : {}), final: false };
}
