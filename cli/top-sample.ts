/** What `vmlab top` shows of each VM of a lab at one moment. */
import type { MeasuredVm } from "../engine/operate/resources/usage-meter.ts";
import { compareNames } from "../engine/operate/select.ts";
import { type VmState, vmStateOf } from "../engine/operate/vm-state.ts";
import type { ResourceState } from "../engine/state/types.ts";
import type { VmObservation } from "../providers/provider.ts";

/** Absent: not known. Sizes in bytes, rates per second. */
export interface SampledVm {
  readonly name: string;
  readonly state: VmState;
  /** CPUs of the host. */
  readonly cpus?: number;
  /** What the guest has. */
  readonly memory?: number;
  /** What it takes of the host's RAM. */
  readonly resident?: number;
  readonly read?: number;
  readonly written?: number;
  /** Packets. */
  readonly received?: number;
  readonly sent?: number;
  readonly uptimeMs?: number;
}

export const SORTS = ["cpu", "memory", "disk", "network", "name"] as const;

export type Sort = (typeof SORTS)[number];

/** By the sum of what `sort` names, largest first; what is equal, or off, by name. */
export function sampleOf(
  vms: readonly ResourceState[],
  measured: ReadonlyMap<string, MeasuredVm>,
  observed: ReadonlyMap<string, VmObservation>,
  sort: Sort,
): readonly SampledVm[] {
  const weight = WEIGHTS[sort];
  return vms
    .map((vm) => {
      const id = vm.instance ?? "";
      return sampled(vm, measured.get(id), vmStateOf(observed.get(id)));
    })
    .sort((a, b) => weight(b) - weight(a) || compareNames(a.name, b.name));
}

const OFF = -1;

const WEIGHTS: Readonly<Record<Sort, (vm: SampledVm) => number>> = {
  // To what is shown, or VMs that are as busy would change places all the time.
  cpu: ({ cpus = OFF }) => Math.round(cpus * 1000),
  memory: ({ resident = OFF }) => resident,
  disk: ({ read = OFF, written = OFF }) => read + written,
  network: ({ received = OFF, sent = OFF }) => received + sent,
  name: () => 0,
};

function sampled({ name, inputs }: ResourceState, found: MeasuredVm | undefined, state: VmState): SampledVm {
  const running = found?.usage.running;
  const memory = typeof inputs.memory === "number" ? { memory: inputs.memory } : {};
  if (found === undefined || running === undefined) return { name, state, ...memory };
  const { startedAt, resident } = running;
  return {
    ...{ name, state, ...memory },
    ...(resident === undefined ? {} : { resident }),
    ...found.rates,
    ...(startedAt === undefined ? {} : { uptimeMs: found.usage.time - startedAt }),
  };
}
