/**
 * Whether a plan fits the disk, in two ways: what it makes, grows, downloads and starts must find room on the file system
 * now, and where there is a limit, the disks and volumes of all labs must stay within it when every one is full.
 */
import { type Diagnostic, problem } from "../diagnostics.ts";
import { formatSize } from "../units.ts";
import type { CapacityInput, Figure, PlannedVolume } from "./capacity.ts";
import { fullDisks, otherLabs } from "./labs.ts";
import { type NamedAmount, nameLargest } from "./name-largest.ts";

/** What the plan adds, in the worst case, beside the room that there is. */
export function roomFigure(input: CapacityInput): Figure {
  const growth = input.vms.map((vm) =>
    vm.diskChange === undefined ? 0 : Math.max(0, vm.disk - (vm.diskAllocated ?? 0)),
  );
  const volumes = (input.volumes ?? []).map((volume) => volume.growth);
  const free = Math.max(0, input.diskFree - reserveOf(input));
  return { need: sum(growth) + sum(volumes) + input.download, free, limit: free };
}

/** What the lab has when every disk is full, beside what the limit leaves; undefined without a limit. */
export function disksFigure(input: CapacityInput): Figure | undefined {
  const { host, limits } = input;
  const limit = Math.min(host.disk ?? Number.POSITIVE_INFINITY, limits.disk ?? Number.POSITIVE_INFINITY);
  if (!Number.isFinite(limit)) return undefined;
  const need = sum(input.vms.map(({ disk }) => disk)) + sum((input.volumes ?? []).map(({ size }) => size));
  const others = sum(otherLabs(input.labs, input.lab.lineage).map(fullDisks));
  return { need, free: Math.max(0, limit - others), limit };
}

/** Too little for what the plan adds; or, when that is nothing, for VMs that write to what they have. */
export function roomShortage(input: CapacityInput, figure: Figure): Diagnostic[] {
  const reserve = reserveOf(input);
  if (figure.need > figure.free) return [growthProblem(input, figure, reserve)];
  return input.diskFree < reserve ? startProblem(input, reserve) : [];
}

/** A lab that comes to take no more than before may go on beyond a limit that came later. */
export function disksShortage(input: CapacityInput, { need, free, limit }: Figure): Diagnostic[] {
  if (need <= free || need <= input.disksBefore) return [];
  const users = otherLabs(input.labs, input.lab.lineage)
    .map((lab) => ({ lab, bytes: fullDisks(lab) }))
    .filter(({ bytes }) => bytes > 0)
    .map(
      ({ lab, bytes }) => `Lab ${lab.name} (${lab.folder}) has ${formatSize(bytes)} of disks and volumes.`,
    );
  const own = [...input.vms.map(vmDisk), ...(input.volumes ?? []).map(volumeDisk)];
  return [
    problem({
      code: "host/too-much-disk",
      summary: `The disks and volumes of this lab need ${formatSize(need)} when full, and limits.disk leaves ${formatSize(free)}`,
      detail: [
        `The limit is ${formatSize(limit)} for all labs, VMs that are off included.`,
        ...users,
        `This lab: ${nameLargest(own, formatSize)}.`,
      ].join("\n"),
      hint: `Stopping VMs makes no room here. Make new disks and volumes smaller, delete what is not needed, or ${raising("raise", "limits.disk")}.`,
    }),
  ];
}

function growthProblem(input: CapacityInput, { need, free }: Figure, reserve: number): Diagnostic {
  const changed = input.vms.filter((vm) => vm.diskChange !== undefined).map(vmDisk);
  return problem({
    code: "host/not-enough-disk",
    summary: `Disks and downloads may grow by ${formatSize(need)}, and ${formatSize(free)} are free`,
    detail: [
      `${freeText(input, reserve)}.`,
      ...(input.download > 0 ? [`Downloads take ${formatSize(input.download)}.`] : []),
      ...volumeLine(input.volumes ?? []),
      ...(changed.length > 0 ? [`This lab: ${nameLargest(changed, formatSize)}.`] : []),
    ].join("\n"),
    hint: `${makeRoom(input)}, give VMs smaller disks, or ${raising("lower", "limits.disk_reserve")}.`,
  });
}

function startProblem(input: CapacityInput, reserve: number): Diagnostic[] {
  const starting = input.vms.filter(({ starts }) => starts === true);
  if (starting.length === 0) return [];
  const { startGrowth = 0 } = input;
  const names = nameLargest(starting.map(vmDisk), (bytes) => `(disk ${formatSize(bytes)})`);
  return [
    problem({
      code: "host/not-enough-disk",
      summary: `No VM can be started: ${freeText(input, reserve)}`,
      detail: [
        `To be started: ${names}.`,
        ...(startGrowth === 0 ? [] : [`Their disks may come to take ${formatSize(startGrowth)} more.`]),
        "A VM that finds no room on the host is paused until there is some.",
      ].join("\n"),
      hint: `${makeRoom(input)}, or ${raising("lower", "limits.disk_reserve")}.`,
    }),
  ];
}

function freeText({ diskFree }: CapacityInput, reserve: number): string {
  return `${formatSize(diskFree)} are free on the file system of VMLAB_HOME, and ${formatSize(reserve)} stay reserved`;
}

function makeRoom({ trash = 0 }: CapacityInput): string {
  return trash > 0 ? `\`vmlab trash empty\` frees ${formatSize(trash)}. Or make room otherwise` : "Make room";
}

function raising(verb: "raise" | "lower", key: string): string {
  return `${verb} ${key} with \`vmlab config set\`, or [limits] of lab.toml where that is tighter`;
}

/** `Volumes may take 30 GiB.` */
function volumeLine(volumes: readonly PlannedVolume[]): string[] {
  const bytes = sum(volumes.map(({ growth }) => growth));
  return bytes === 0 ? [] : [`Volumes may take ${formatSize(bytes)}.`];
}

function vmDisk({ name, disk }: CapacityInput["vms"][number]): NamedAmount {
  return { name, amount: disk };
}

function volumeDisk({ name, size }: PlannedVolume): NamedAmount {
  return { name: `volume.${name}`, amount: size };
}

function reserveOf({ host, limits }: CapacityInput): number {
  return Math.max(host.diskReserve, limits.diskReserve ?? 0);
}

function sum(amounts: readonly number[]): number {
  let total = 0;
  for (const amount of amounts) total += amount;
  return total;
}
