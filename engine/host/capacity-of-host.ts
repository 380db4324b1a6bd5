/** What a plan leads to, held against this host and its ledger as they are now. */
import type { Diagnostic } from "../diagnostics.ts";
import type { Workspace } from "../workspace.ts";
import { type Capacity, type CapacityInput, checkCapacity, type PlannedVm } from "./capacity.ts";
import { readHostConfig } from "./host-config.ts";
import { readLedger } from "./labs.ts";

/** The part of a check that follows from the plan. */
export type PlannedUse = Pick<CapacityInput, "vms" | "volumes" | "disksBefore" | "download">;

export interface HostCapacity {
  readonly capacity: Capacity;
  /** Warnings about entries of the ledger that cannot be read. */
  readonly warnings: readonly Diagnostic[];
}

export async function capacityOfHost(
  workspace: Pick<Workspace, "effects" | "home" | "lab" | "providers">,
  lineage: string,
  use: PlannedUse,
): Promise<HostCapacity> {
  const { effects, home, lab } = workspace;
  const [config, ledger, disk, bootId] = await Promise.all([
    readHostConfig(effects, home),
    readLedger(effects, home),
    effects.host.disk(home.root),
    effects.host.bootId(),
  ]);
  const input: CapacityInput = {
    ...use,
    lab: { lineage, name: lab.name },
    host: config.limits,
    limits: lab.limits,
    labs: ledger.labs,
    bootId,
    diskFree: disk.free,
  };
  const capacity = checkCapacity(input);
  const { diagnostics: warnings } = ledger;
  // Files are measured only where it helps whoever has to make room.
  if (!capacity.diagnostics.some(({ code }) => code === "host/not-enough-disk"))
    return { capacity, warnings };
  const [trash, startGrowth] = await Promise.all([trashSize(workspace), growthOf(workspace, use.vms)]);
  return { capacity: checkCapacity({ ...input, trash, startGrowth }), warnings };
}

async function trashSize({ providers: { vm, volume } }: Pick<Workspace, "providers">): Promise<number> {
  const [vms, volumes] = await Promise.all([vm.trash(), volume.trash()]);
  return sum([...vms, ...volumes].map(({ size }) => size));
}

async function growthOf(
  { providers }: Pick<Workspace, "providers">,
  vms: readonly PlannedVm[],
): Promise<number> {
  const starting = vms.flatMap(({ starts, instance }) => (starts === true ? (instance ?? []) : []));
  const usages = await providers.vm.usage(starting);
  return sum([...usages.values()].map(({ disk }) => disk.growth));
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
