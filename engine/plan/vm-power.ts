/** Whether a VM runs, and whether it should. */
import type { VmObservation } from "../../providers/provider.ts";
import type { VmInputs } from "../config/types.ts";
import { isOff } from "../state/is-off.ts";
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
        running: recorded.phase !== "created" && !isOff(recorded.powerOverride),
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
  if (inputs.power === "running") return !isOff(override);
  const interrupted = recorded.phase === "created" && !isOff(override);
  return inputs.power === "manual" && (power.running || interrupted);
}

/** Its memory is saved, and fits no other machine than the one it was saved of. */
export function isSuspended(observation: VmObservation | undefined): boolean {
  return observation?.state === "stopped" && observation.suspended === true;
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
  const { observation } = situation;
  if (power.running) {
    const paused = observation?.state === "running" && observation.paused;
    if (paused && before?.state === "paused")
      return { override: before, changed: false, note: "is paused on request" };
    const why = paused ? observation.attributes.reason : undefined;
    return {
      override: undefined,
      changed: before !== undefined && observation !== undefined,
      ...(paused
        ? { note: typeof why === "string" && why !== "paused" ? `is paused: ${why}` : "is paused" }
        : {}),
    };
  }
  const suspended = isSuspended(observation);
  // What stood still and is gone, or had gone on, was not made to be off: it died.
  const died = before?.state === "suspended" && !suspended && !power.clean;
  if (before?.state === "paused" || died) return { override: undefined, changed: true };
  if (before !== undefined) {
    const state: PowerOverride["state"] = suspended ? "suspended" : "stopped";
    const override: PowerOverride = observation === undefined ? before : { ...before, state };
    const note = override.by === "guest" ? "was powered off from inside" : `is ${override.state} on request`;
    return { override, changed: override.state !== before.state, note };
  }
  if (suspended) {
    const note = inputs.power === "running" ? {} : { note: "is suspended" };
    return { override: undefined, changed: false, ...note };
  }
  const everStarted = recorded.phase !== "created";
  if (inputs.power === "running" && power.clean && everStarted) {
    const override: PowerOverride = { state: "stopped", by: "guest", since: situation.now };
    return { override, changed: true, note: "was powered off from inside" };
  }
  return { override: undefined, changed: false };
}
