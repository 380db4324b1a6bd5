/** Whether what a plan leads to fits the host. Pure: figures come in, figures and diagnostics go out. */
import type { LabLimits } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { formatSize } from "../units.ts";
import { disksFigure, disksShortage, roomFigure, roomShortage } from "./disk-capacity.ts";
import type { HostLimits } from "./host-config.ts";
import { type LedgerLab, otherLabs, type Reservation, runningReservations } from "./labs.ts";
import { type RunningVm, stopCommands, vmsToStop } from "./make-room.ts";
import { nameLargest } from "./name-largest.ts";

/** A VM as it will be after the plan; bytes. */
export interface PlannedVm {
  readonly name: string;
  readonly cpus: number;
  readonly memory: number;
  /** Virtual size of the disk. */
  readonly disk: number;
  readonly running: boolean;
  /** The plan starts it, or starts it again: stopping it is no way to make room for the plan. */
  readonly starts?: boolean;
  /** Its machine; absent: there is none yet. */
  readonly instance?: string;
  /** The plan makes or grows its disk; absent: the disk stays. */
  readonly diskChange?: "new" | "grow";
  /** What the disk takes on the host already. */
  readonly diskAllocated?: number;
}

/** A volume as it will be after the plan; bytes. */
export interface PlannedVolume {
  readonly name: string;
  readonly size: number;
  /** What the plan adds to it: all of it when it is made, 0 when it stays. */
  readonly growth: number;
}

export interface CapacityInput {
  readonly lab: { readonly lineage: string; readonly name: string };
  readonly host: HostLimits;
  /** May only tighten the host's. */
  readonly limits: LabLimits;
  readonly labs: readonly LedgerLab[];
  readonly bootId: string;
  /** All VMs that the lab will have. */
  readonly vms: readonly PlannedVm[];
  /** All volumes that it will have. */
  readonly volumes?: readonly PlannedVolume[];
  /** What its disks and volumes could take before the plan. */
  readonly disksBefore: number;
  /** Bytes that the plan downloads. */
  readonly download: number;
  /** Free bytes of the file system that holds VMLAB_HOME. */
  readonly diskFree: number;
  /** Bytes that emptying the trash would free. */
  readonly trash?: number;
  /** Bytes that the disks of the VMs which the plan starts may come to take in addition. */
  readonly startGrowth?: number;
}

/** `free` is what is left of `limit` by others; the plan fits when `need` is at most `free`. */
export interface Figure {
  readonly need: number;
  readonly free: number;
  readonly limit: number;
}

export interface Capacity {
  readonly memory: Figure;
  readonly cpus: Figure;
  /** `need` is the worst case: every new disk filled. */
  readonly disk: Figure;
  /** Disks and volumes when every one is full; absent without a limit. */
  readonly disks?: Figure;
  /** Running VMs; absent without a limit. */
  readonly vms?: Figure;
  readonly diagnostics: readonly Diagnostic[];
}

type Amount = "memory" | "cpus" | "vms";

/** What the plan needs, beside what is free. More than is free is an error, unless the lab takes no more than before. */
export function checkCapacity(input: CapacityInput): Capacity {
  const { host, limits } = input;
  const memoryReserve = Math.max(host.memoryReserve, limits.memoryReserve ?? 0);
  const memoryLimit = Math.max(
    0,
    Math.min(host.memory, limits.memory ?? Number.POSITIVE_INFINITY, host.memoryTotal - memoryReserve),
  );
  const cpuLimit = Math.min(host.cpus, limits.cpus ?? Number.POSITIVE_INFINITY);
  const vmLimit = Math.min(host.vms ?? Number.POSITIVE_INFINITY, limits.vms ?? Number.POSITIVE_INFINITY);

  const memory = figureOf(input, "memory", memoryLimit);
  const cpus = figureOf(input, "cpus", cpuLimit);
  const vms = Number.isFinite(vmLimit) ? figureOf(input, "vms", vmLimit) : undefined;
  const disk = roomFigure(input);
  const disks = disksFigure(input);
  const figures = { memory, cpus, ...(vms === undefined ? {} : { vms }) };
  const room = roomHint(input, figures);
  return {
    ...figures,
    disk,
    ...(disks === undefined ? {} : { disks }),
    diagnostics: [
      ...shortage(input, "memory", memory, room),
      ...shortage(input, "cpus", cpus, room),
      ...(vms === undefined ? [] : shortage(input, "vms", vms, room)),
      ...roomShortage(input, disk),
      ...(disks === undefined ? [] : disksShortage(input, disks)),
    ],
  };
}

function figureOf(input: CapacityInput, what: Amount, limit: number): Figure {
  const need = sum(input.vms.filter((vm) => vm.running).map((vm) => amountOf(vm, what)));
  return { need, free: Math.max(0, limit - usedByOthers(input, what)), limit };
}

function usedByOthers(input: CapacityInput, what: Amount): number {
  return sum(otherLabs(input.labs, input.lab.lineage).map((lab) => usedBy(lab, input.bootId, what)));
}

/** What has to be said about stopping VMs, for everything that is short together. */
function roomHint(input: CapacityInput, figures: { readonly [what in Amount]?: Figure }): string {
  const missing = (what: Amount): number => {
    const figure = figures[what];
    if (figure === undefined || !isShort(input, what, figure)) return 0;
    return figure.need + usedByOthers(input, what) - figure.limit;
  };
  const running: RunningVm[] = [
    ...input.vms.flatMap((vm) => (vm.running && vm.starts !== true ? [candidate(vm.name, vm)] : [])),
    ...otherLabs(input.labs, input.lab.lineage).flatMap((lab) =>
      runningReservations(lab, input.bootId).map(([name, vm]) => ({ ...candidate(name, vm), lab })),
    ),
  ];
  const stopped = vmsToStop(
    { memory: missing("memory"), cpus: missing("cpus"), vms: missing("vms") },
    running,
  );
  if (stopped !== undefined) return `To make room: ${stopCommands(stopped)}. Or give`;
  return running.length === 0 ? "Give" : "Stopping what runs would not make enough room. Give";
}

function candidate(name: string, { memory, cpus }: PlannedVm | Reservation): RunningVm {
  return { name, memory, cpus };
}

/** A lab that takes no more than before may go on beyond a limit that came later. */
function isShort(input: CapacityInput, what: Amount, { need, free }: Figure): boolean {
  const own = input.labs.find((lab) => lab.lineage === input.lab.lineage);
  return need > free && need > (own === undefined ? 0 : usedBy(own, input.bootId, what));
}

function shortage(input: CapacityInput, what: Amount, figure: Figure, room: string): Diagnostic[] {
  if (!isShort(input, what, figure)) return [];
  const running = input.vms.filter((vm) => vm.running);
  const users = otherLabs(input.labs, input.lab.lineage)
    .map((lab) => ({
      lab,
      used: usedBy(lab, input.bootId, what),
      vms: runningReservations(lab, input.bootId).length,
    }))
    .filter(({ used }) => used > 0)
    .map(
      ({ lab, used, vms }) =>
        `Lab ${lab.name} (${lab.folder}) uses ${show(what, used)}${what === "vms" ? "" : ` for ${count(vms, "VM")}`}.`,
    );
  const key = what === "memory" ? "limits.memory (and limits.memory_reserve)" : `limits.${what}`;
  return [
    problem({
      code: what === "vms" ? "host/too-many-vms" : `host/not-enough-${what}`,
      summary: {
        memory: `The running VMs need ${show("memory", figure.need)} of memory, and ${show("memory", figure.free)} are free`,
        cpus: `The running VMs need ${show("cpus", figure.need)}, and ${figure.free} are free`,
        vms: `${show("vms", figure.need)} would run, and ${figure.free} may`,
      }[what],
      detail: [
        `The limit is ${show(what, figure.limit)}.`,
        ...users,
        ...(what === "vms" ? [] : [largest(running, what)]),
      ].join("\n"),
      hint: `${room} VMs less, or raise ${key} with \`vmlab config set\`, or [limits] of lab.toml where that is tighter.`,
    }),
  ];
}

/** `This lab: k8s-cp 4 GiB, web 2 GiB and 3 more.` */
function largest(vms: readonly PlannedVm[], what: "memory" | "cpus"): string {
  const amounts = vms.map((vm) => ({ name: vm.name, amount: vm[what] }));
  return `This lab: ${nameLargest(amounts, what === "memory" ? formatSize : String)}.`;
}

function usedBy(lab: LedgerLab, bootId: string, what: Amount): number {
  return sum(runningReservations(lab, bootId).map(([, reservation]) => amountOf(reservation, what)));
}

function amountOf(vm: PlannedVm | Reservation, what: Amount): number {
  return what === "vms" ? 1 : vm[what];
}

function show(what: Amount, amount: number): string {
  if (what === "memory") return formatSize(amount);
  return what === "cpus" ? count(amount, "vCPU") : count(amount, "VM");
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function sum(amounts: readonly number[]): number {
  let total = 0;
  for (const amount of amounts) total += amount;
  return total;
}
