/** What vmlab has promised of this host and what is really used of it, over all labs. Pure. */
import type { UsageLab, VmObservation, VmUsage, VolumeUsage } from "../../../providers/provider.ts";
import type { HostLimits } from "../../host/host-config.ts";
import { fullDisks, type LedgerLab, type Reservation, runningReservations } from "../../host/labs.ts";
import { compareNames } from "../select.ts";
import { type VmState, vmStateOf } from "../vm-state.ts";
import type { MeasuredVm } from "./usage-meter.ts";

export interface HostUsageInput {
  readonly limits: HostLimits;
  readonly host: HostFacts;
  readonly bootId: string;
  readonly labs: readonly LedgerLab[];
  readonly vms: readonly MeasuredVm[];
  /** Of these VMs, by id. */
  readonly observed: ReadonlyMap<string, VmObservation>;
  readonly volumes: readonly VolumeUsage[];
  readonly stored: StoredBytes;
}

/** What the host has. */
export interface HostFacts {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number };
  /** Bytes of the file system that holds VMLAB_HOME. */
  readonly disk: { readonly total: number; readonly free: number };
}

/** Bytes that the parts of VMLAB_HOME take on the disk. */
export interface StoredBytes {
  /** VMs with their snapshots. */
  readonly vms: number;
  /** Layers of disks that clones share. */
  readonly layers: number;
  readonly volumes: number;
  readonly images: number;
  readonly trash: number;
  readonly backups: number;
  readonly downloads: number;
  /** Logs, keys, records. */
  readonly other: number;
}

/**
 * One thing of which there is so much; `free` is the limit without what is reserved, below 0 when too much is promised. A
 * plan may ask for so much, but of the disk, where there is no limit, for the room of the {@link WorstCase}.
 */
export interface Budget {
  readonly limit: number;
  readonly reserved: number;
  readonly free: number;
  readonly used: number;
}

export interface HostUsage {
  readonly host: HostFacts;
  /** `used` is in CPUs of the host, everything else in vCPUs. */
  readonly cpus: Budget;
  /** Bytes. `used` is what is in RAM of the processes that run the VMs. */
  readonly memory: Budget;
  /**
   * Bytes. `used` is all of VMLAB_HOME. With a limit on disks, `reserved` is what the disks and volumes of all labs take when
   * every one is full; without one it is `used` with every disk filled, and `limit` is what fits on the file system.
   */
  readonly disk: Budget;
  /** `reserved` and `used`: VMs. Without a limit there is no `limit` and no `free`. */
  readonly vms: Pick<Budget, "reserved" | "used"> & Partial<Budget>;
  /** By name. */
  readonly labs: readonly LabUsage[];
  readonly stored: StoredBytes;
  /** Every thin disk filled. */
  readonly worstCase: WorstCase;
}

/** Bytes. */
export interface WorstCase {
  /** What the disks come to take in addition. */
  readonly growth: number;
  /** What is free beside the reserve. */
  readonly room: number;
  readonly fits: boolean;
}

export interface LabUsage {
  readonly name: string;
  readonly lineage: string;
  /** Absent where the host's ledger does not know the lab. */
  readonly folder?: string;
  /** By name. */
  readonly vms: readonly LabVm[];
  readonly volumes: readonly VolumeUsage[];
}

/** A VM that a lab has reserved something for, that exists, or both. */
export interface LabVm {
  readonly name: string;
  readonly state: VmState;
  /** Absent where the ledger does not have it. */
  readonly reserved?: Reservation;
  /** Absent where no machine was found. */
  readonly usage?: VmUsage;
  /** CPUs of the host that it uses. */
  readonly cpus?: number;
}

export function hostUsage(input: HostUsageInput): HostUsage {
  const { limits, host, labs, bootId, vms, volumes, stored } = input;
  const reserved = labs.flatMap((lab) =>
    runningReservations(lab, bootId).map(([, reservation]) => reservation),
  );
  const cpus = sum(reserved.map((vm) => vm.cpus));
  const memory = sum(reserved.map((vm) => vm.memory));
  const growth = sum([
    ...vms.map(({ usage }) => usage.disk.growth),
    ...volumes.map(({ disk }) => disk.growth),
  ]);
  const disks = sum(labs.map(fullDisks));
  const used = sum(Object.values(stored));
  const room = Math.max(0, host.disk.free - limits.diskReserve);
  const running = vms.filter(({ usage }) => usage.running !== undefined);
  return {
    host,
    cpus: {
      limit: limits.cpus,
      reserved: cpus,
      free: limits.cpus - cpus,
      used: sum(running.map(({ rates }) => rates.cpus ?? 0)),
    },
    memory: {
      limit: limits.memory,
      reserved: memory,
      free: limits.memory - memory,
      used: sum(running.map(({ usage }) => usage.running?.resident ?? 0)),
    },
    disk:
      limits.disk === undefined
        ? { limit: used + room, reserved: used + growth, free: room - growth, used }
        : { limit: limits.disk, reserved: disks, free: limits.disk - disks, used },
    vms: {
      ...(limits.vms === undefined ? {} : { limit: limits.vms, free: limits.vms - reserved.length }),
      reserved: reserved.length,
      used: running.length,
    },
    labs: labsOf(input),
    stored,
    worstCase: { growth, room, fits: growth <= room },
  };
}

function labsOf({ labs, bootId, vms, observed, volumes }: HostUsageInput): LabUsage[] {
  const lineages = new Map<string, UsageLab & { folder?: string }>();
  for (const { usage } of vms) if (usage.lab !== undefined) lineages.set(usage.lab.lineage, usage.lab);
  for (const { lab } of volumes) lineages.set(lab.lineage, lab);
  for (const { lineage, name, folder, usesHost } of labs)
    if (usesHost !== false) lineages.set(lineage, { lineage, name, folder });
  return [...lineages.values()]
    .map(({ lineage, name, folder }): LabUsage => {
      const entry = labs.find((lab) => lab.lineage === lineage);
      return {
        ...{ name, lineage },
        ...(folder === undefined ? {} : { folder }),
        vms: vmsOfLab(
          entry,
          bootId,
          vms.filter(({ usage }) => usage.lab?.lineage === lineage),
          observed,
        ),
        volumes: volumes.filter(({ lab }) => lab.lineage === lineage).sort(byName),
      };
    })
    .sort(byName);
}

function vmsOfLab(
  lab: LedgerLab | undefined,
  bootId: string,
  measured: readonly MeasuredVm[],
  observed: HostUsageInput["observed"],
): LabVm[] {
  const runs = new Set(lab === undefined ? [] : runningReservations(lab, bootId).map(([name]) => name));
  const reservedFor = (name: string) => {
    const reservation = lab?.reservations[name];
    return reservation === undefined ? {} : { reserved: { ...reservation, running: runs.has(name) } };
  };
  const found = measured.map(({ usage, rates }): LabVm => {
    const { id, name } = usage;
    const cpus = rates.cpus === undefined ? {} : { cpus: rates.cpus };
    return { name, state: vmStateOf(observed.get(id)), ...reservedFor(name), usage, ...cpus };
  });
  const names = new Set(found.map(({ name }) => name));
  const lost = Object.keys(lab?.reservations ?? {})
    .filter((name) => !names.has(name))
    .map((name): LabVm => ({ name, state: vmStateOf(undefined), ...reservedFor(name) }));
  return [...found, ...lost].sort(byName);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareNames(a.name, b.name);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
