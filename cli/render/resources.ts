/** `vmlab resources`: what is promised and what is used, of the host, of each lab, of each VM. */
import type { BuildTicket } from "../../engine/host/build-slots.ts";
import type { Budget, HostUsage, LabUsage, LabVm } from "../../engine/operate/resources/host-usage.ts";
import { formatSize } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import { statePaint } from "./state-paint.ts";
import { type Cell, type Column, renderTable } from "./table.ts";
import { wrapText } from "./text-width.ts";

export interface ResourcesLayout {
  readonly palette: Palette;
  readonly width: number | undefined;
  /** Drawn on a terminal. */
  readonly bars: boolean;
  /** VMLAB_HOME. */
  readonly root: string;
}

/** From this width on the folders of labs have room. */
const WIDE = 110;
const BAR = 20;

export function renderResources(
  usage: HostUsage,
  builds: readonly BuildTicket[],
  layout: ResourcesLayout,
): string[] {
  const prose = [...storedLine(usage, layout.root), ...notes(usage, builds), worstCaseLine(usage)];
  return [
    ...wrapText(hostLine(usage), layout.width),
    "",
    ...budgetTable(usage, layout),
    "",
    ...labTable(usage.labs, layout),
    "",
    ...prose.flatMap((line) => wrapText(line, layout.width)),
  ];
}

function hostLine({ host: { cpus, memory, disk } }: HostUsage): string {
  return `Host: ${count(cpus, "CPU")}, ${formatSize(memory.total)} memory (${formatSize(memory.available)} available), ${formatSize(disk.total)} disk (${formatSize(disk.free)} free)`;
}

function budgetTable(usage: HostUsage, { palette, width, bars }: ResourcesLayout): string[] {
  const plain = (amount: number): string => String(amount);
  const rows: Cell[][] = [
    budgetRow("vCPUs", usage.cpus, plain, `${busyText(usage.cpus.used)} of ${usage.host.cpus}`, palette),
    budgetRow("memory", usage.memory, formatSize, formatSize(usage.memory.used), palette),
    budgetRow("disk", usage.disk, formatSize, formatSize(usage.disk.used), palette),
    budgetRow("VMs", usage.vms, plain, plain(usage.vms.used), palette),
  ];
  const columns: Column[] = [
    { header: "" },
    { header: "LIMIT", align: "right" },
    { header: "RESERVED", align: "right" },
    { header: "LEFT", align: "right" },
    { header: "USED", align: "right" },
    { header: "" },
  ];
  const shown = bars ? rows : rows.map((row) => row.slice(0, -1));
  return renderTable(columns, shown, { width, header: palette.faint });
}

function budgetRow(
  what: string,
  { limit, reserved, free }: Pick<Budget, "reserved"> & Partial<Budget>,
  text: (amount: number) => string,
  used: string,
  palette: Palette,
): Cell[] {
  if (limit === undefined || free === undefined) return [what, "-", text(reserved), "-", used, ""];
  const over = free < 0;
  return [
    what,
    text(limit),
    text(reserved),
    over ? { text: text(free), paint: palette.error } : text(free),
    used,
    { text: bar(reserved, limit), paint: over ? palette.error : palette.good },
  ];
}

/** `████████░░░░░░░░░░░░  40 %`. */
export function bar(part: number, whole: number): string {
  const share = whole === 0 ? (part === 0 ? 0 : 1) : part / whole;
  const filled = Math.min(BAR, Math.round(share * BAR));
  return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${String(Math.round(share * 100)).padStart(3)} %`;
}

function labTable(labs: readonly LabUsage[], { palette, width }: ResourcesLayout): string[] {
  if (labs.length === 0) return ["No lab has VMs or volumes on this host."];
  const wide = width === undefined || width >= WIDE;
  const columns: Column[] = [
    { header: "LAB", overflow: "cut-middle", least: 14 },
    { header: "STATE" },
    { header: "VCPUS", align: "right" },
    { header: "BUSY", align: "right" },
    { header: "MEMORY", align: "right" },
    { header: "IN RAM", align: "right" },
    { header: "DISK", align: "right" },
    { header: "ON DISK", align: "right" },
    ...(wide ? [{ header: "FOLDER", overflow: "cut-middle", least: 16 } as const] : []),
  ];
  const rows = labs.flatMap((lab) => [
    labRow(lab, palette),
    ...lab.vms.map((vm) => vmRow(vm, palette)),
    ...lab.volumes.map(({ name, disk }): Cell[] => [
      ...[`  volume.${name}`, "", "", "", "", ""],
      ...[formatSize(disk.size), formatSize(disk.allocated), ""],
    ]),
  ]);
  return renderTable(columns, rows, { width, header: palette.faint });
}

function labRow({ name, folder, vms, volumes }: LabUsage, { strong }: Palette): Cell[] {
  const reserved = vms.flatMap((vm) => (vm.reserved?.running === true ? [vm.reserved] : []));
  const running = vms.filter(({ usage }) => usage?.running !== undefined);
  const disks = [...vms.flatMap(({ usage }) => usage?.disk ?? []), ...volumes.map(({ disk }) => disk)];
  const cells = [
    ...[name, `${running.length} of ${vms.length} run`],
    String(sum(reserved.map(({ cpus }) => cpus))),
    running.length === 0 ? "-" : busyText(sum(running.map(({ cpus }) => cpus ?? 0))),
    formatSize(sum(reserved.map(({ memory }) => memory))),
    running.length === 0 ? "-" : formatSize(sum(running.map(({ usage }) => usage?.running?.resident ?? 0))),
    formatSize(sum(disks.map(({ size }) => size))),
    formatSize(sum(disks.map(({ allocated }) => allocated))),
    folder ?? "",
  ];
  return cells.map((text) => ({ text, paint: strong }));
}

function vmRow({ name, state, reserved, usage, cpus }: LabVm, palette: Palette): Cell[] {
  const { running, disk } = usage ?? {};
  const promised = reserved?.running === true ? reserved : undefined;
  return [
    `  ${name}`,
    { text: state, paint: statePaint(state, palette) },
    promised === undefined ? "-" : String(promised.cpus),
    cpus === undefined ? "-" : busyText(cpus),
    promised === undefined ? "-" : formatSize(promised.memory),
    running?.resident === undefined ? "-" : formatSize(running.resident),
    disk === undefined ? "-" : formatSize(disk.size),
    disk === undefined ? "-" : formatSize(disk.allocated),
    "",
  ];
}

function storedLine({ stored, disk }: HostUsage, root: string): string[] {
  const parts = Object.entries(stored)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name === "vms" ? "VMs" : name} ${formatSize(bytes)}`);
  return parts.length === 0 ? [] : [`${root} takes ${formatSize(disk.used)}: ${parts.join(", ")}.`];
}

function notes({ host, memory, labs, stored }: HostUsage, builds: readonly BuildTicket[]): string[] {
  const down = labs.flatMap(({ name, vms }) =>
    vms
      .filter(({ reserved, usage }) => reserved?.running === true && usage?.running === undefined)
      .map((vm) => `${vm.name} (${name})`),
  );
  const promised = Math.max(0, memory.reserved - memory.used);
  return [
    ...builds.map(
      ({ what, cpus, memory: bytes }) =>
        `${what} is being built with ${count(cpus, "vCPU")} and ${formatSize(bytes)} of memory.`,
    ),
    ...(down.length === 0
      ? []
      : [
          `Reserved for, but not running: ${down.join(", ")}. "vmlab start" or "vmlab stop" in the lab puts that right.`,
        ]),
    ...(promised > host.memory.available
      ? [
          `The running VMs may take ${formatSize(promised)} more of memory, and the host has ${formatSize(host.memory.available)} available.`,
        ]
      : []),
    ...(stored.trash > 0 ? [`"vmlab trash empty" frees ${formatSize(stored.trash)}.`] : []),
  ];
}

function worstCaseLine({ worstCase: { growth, room, fits } }: HostUsage): string {
  const told = `If every disk fills, they take ${formatSize(growth)} more, and there is room for ${formatSize(room)}`;
  return fits
    ? `${told}: that fits.`
    : `${told}: that is ${formatSize(growth - room)} too much. A VM that finds no room is paused until there is some.`;
}

/** CPUs of the host. */
function busyText(cpus: number): string {
  return cpus >= 10 ? String(Math.round(cpus)) : (Math.round(cpus * 100) / 100).toFixed(2);
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
