/** Whether a VM runs, and whether it should. */
import type { VmObservation } from "../../providers/provider.ts";
import type { VmInputs } from "../config/types.ts";
import type { PowerOverride, ResourceState } from "../state/types.ts";
import type { AttributeChange } from "./types.ts";
import type { VmSituation } from "./vm-situation.ts";

/** How the machine is, with the record filling in for a look that nobody took. */
export interface Power {
  readonly running: boolean;
  readonly clean: boolean;
  readonly reason: string | undefined;
}

export function powerOf(recorded: ResourceState, observation: VmObservation | undefined): Power {
  switch (observation?.state) {
    case "running":
      return { running: true, clean: true, reason: undefined };
    case "stopped":
      return { running: false, clean: observation.clean, reason: observation.reason };
    case "broken":
      return { running: false, clean: false, reason: observation.reason };
    default:
      return {
        running: recorded.phase !== "created" && recorded.powerOverride === undefined,
        clean: true,
        reason: undefined,
      };
  }
}

/** With power "manual" a machine is left as it is; one that an operation stopped and did not start again ran. */
export function wantsToRun(
  inputs: VmInputs,
  recorded: ResourceState,
  override: PowerOverride | undefined,
  power: Power,
): boolean {
  if (inputs.power === "running") return override === undefined;
  const interrupted = recorded.phase === "created" && override === undefined;
  return inputs.power === "manual" && (power.running || interrupted);
}

/** What the record of a stop comes to, and what to tell about it. */
export function overrideOf(
  situation: VmSituation,
  recorded: ResourceState,
  changes: readonly AttributeChange[],
  power: Power,
): { override: PowerOverride | undefined; changed: boolean; note?: string } {
  const inputs = situation.resource.inputs as VmInputs;
  const powerChanged = changes.some((change) => change.path[0] === "power");
  const before = recorded.powerOverride;
  if (powerChanged) return { override: undefined, changed: before !== undefined };
  if (power.running) {
    const { observation } = situation;
    const paused = observation?.state === "running" && observation.paused;
    const why = paused ? observation.attributes.reason : undefined;
    return {
      override: undefined,
      changed: before !== undefined,
      ...(paused ? { note: `is paused${typeof why === "string" ? `: ${why}` : ""}` } : {}),
    };
  }
  if (before !== undefined) {
    return {
      override: before,
      changed: false,
      note: before.by === "guest" ? "was powered off from inside" : `is ${before.state} on request`,
    };
  }
  const everStarted = recorded.phase !== "created";
  if (inputs.power === "running" && power.clean && everStarted) {
    const override: PowerOverride = { state: "stopped", by: "guest", since: situation.now };
    return { override, changed: true, note: "was powered off from inside" };
  }
  return { override: undefined, changed: false };
}
