/** What a lab's VMs and volumes take of the host, from the state, from a plan, or from both. */
import type { PlannedResource, Step } from "../plan/types.ts";
import { isOff } from "../state/is-off.ts";
import type { ResourceState } from "../state/types.ts";
import type { PlannedVm, PlannedVolume } from "./capacity.ts";
import type { Reservation } from "./labs.ts";

/** A VM as recorded: it counts as running unless it was never started or was stopped on request or from inside.
 * One that stands still keeps its memory. */
export function recordedReservation(record: ResourceState): Reservation {
  return { ...sizes(record.inputs), running: record.phase !== "created" && !isOff(record.powerOverride) };
}

/** By name, as the ledger has them. */
export function reservationsOf(vms: readonly PlannedVm[]): Record<string, Reservation> {
  return Object.fromEntries(
    vms.map(({ name, cpus, memory, disk, running }) => [name, { cpus, memory, disk, running }]),
  );
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
  // What goes on from saved memory is started, what stood still is not: it was there all the time.
  const starts = steps.includes("start") || (powersOn && !runsNow);
  return {
    name,
    ...now,
    running,
    ...(starts ? { starts } : {}),
    ...(recorded?.instance === undefined ? {} : { instance: recorded.instance }),
    ...(diskChange === undefined ? {} : { diskChange }),
    ...(diskChange === "grow" && before !== undefined ? { diskAllocated: before.disk } : {}),
  };
}

/** A volume as it will be after these steps of a plan; undefined when it goes away. */
export function volumeAfter(
  name: string,
  steps: readonly Step[],
  planned: PlannedResource | undefined,
  recorded: ResourceState | undefined,
): PlannedVolume | undefined {
  const made = steps.includes("allocate");
  if (steps.includes("trash") && !made) return undefined;
  const inputs: object | undefined = planned?.inputs ?? recorded?.inputs;
  if (inputs === undefined) return undefined;
  const size = sizeOf(inputs);
  const before = recorded === undefined ? 0 : sizeOf(recorded.inputs);
  return { name, size, growth: made ? size : steps.includes("grow") ? size - before : 0 };
}

/** Sizes of the volumes that are recorded, by name. */
export function recordedVolumes(records: readonly ResourceState[]): Record<string, number> {
  return Object.fromEntries(
    records.filter(({ type }) => type === "volume").map(({ name, inputs }) => [name, sizeOf(inputs)]),
  );
}

/** What the recorded disks and volumes come to take when every one is full. */
export function recordedDisks(records: readonly ResourceState[]): number {
  let bytes = 0;
  for (const { type, inputs } of records) {
    if (type === "vm") bytes += sizes(inputs).disk;
    if (type === "volume") bytes += sizeOf(inputs);
  }
  return bytes;
}

function sizes(inputs: object): Omit<Reservation, "running"> {
  const { cpus, memory, disk } = inputs as { cpus?: unknown; memory?: unknown; disk?: unknown };
  return { cpus: known(cpus), memory: known(memory), disk: known(disk) };
}

function sizeOf(volume: object): number {
  return known((volume as { size?: unknown }).size);
}

/** What only apply will tell counts for nothing. */
function known(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
