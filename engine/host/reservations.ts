/** What a lab's VMs take of the host, from the state, from a plan, or from both. */
import type { PlannedResource, Step } from "../plan/types.ts";
import { isOff } from "../state/is-off.ts";
import type { ResourceState } from "../state/types.ts";
import type { PlannedVm, VolumeGrowth } from "./capacity.ts";
import type { Reservation } from "./labs.ts";

/** A VM as recorded: it counts as running unless it was never started or was stopped on request or from inside.
 * One that stands still keeps its memory. */
export function recordedReservation(record: ResourceState): Reservation {
  return { ...sizes(record.inputs), running: record.phase !== "created" && !isOff(record.powerOverride) };
}

/** A VM as it will be after these steps of a plan; undefined when it goes away. */
export function reservationAfter(
  name: string,
  steps: readonly Step[],
  planned: PlannedResource | undefined,
  recorded: ResourceState | undefined,
  runsNow: boolean,
): PlannedVm | undefined {
  if (steps.includes("delete")) return undefined;
  const inputs: object | undefined = planned?.inputs ?? recorded?.inputs;
  if (inputs === undefined) return undefined;
  const now = sizes(inputs);
  const before = recorded === undefined ? undefined : sizes(recorded.inputs);
  const diskChange = steps.includes("create")
    ? "new"
    : before !== undefined && now.disk > before.disk
      ? "grow"
      : undefined;
  const powersOn = steps.includes("start") || steps.includes("resume");
  const powersOff = steps.includes("stop") || steps.includes("suspend");
  const running = powersOn || (runsNow && !powersOff);
  return {
    name,
    ...now,
    running,
    ...(steps.includes("start") ? { starts: true } : {}),
    ...(diskChange === undefined ? {} : { diskChange }),
    ...(diskChange === "grow" && before !== undefined ? { diskAllocated: before.disk } : {}),
  };
}

/** A volume that these steps of a plan make or grow; undefined for any other. */
export function volumeGrowth(
  steps: readonly Step[],
  planned: PlannedResource | undefined,
  recorded: ResourceState | undefined,
): VolumeGrowth | undefined {
  if (planned?.type !== "volume") return undefined;
  const { name, inputs } = planned;
  if (steps.includes("allocate")) return { name, growth: inputs.size };
  const before = recorded?.inputs.size;
  return steps.includes("grow") ? { name, growth: inputs.size - Number(before ?? 0) } : undefined;
}

function sizes(inputs: object): Omit<Reservation, "running"> {
  const { cpus, memory, disk } = inputs as { cpus?: unknown; memory?: unknown; disk?: unknown };
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  return { cpus: number(cpus), memory: number(memory), disk: number(disk) };
}
