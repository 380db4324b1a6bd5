/** `vmlab top`: a line for each VM, as narrow as can be read. */
import { formatDuration } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import type { SampledVm } from "../top-sample.ts";
import { statePaint } from "./state-paint.ts";
import { type Cell, type Column, renderTable } from "./table.ts";

const COLUMNS: readonly Column[] = [
  { header: "NAME", overflow: "cut-middle", least: 12 },
  { header: "CPU %", align: "right" },
  { header: "MEMORY", align: "right" },
  { header: "IN RAM", align: "right" },
  { header: "READ/s", align: "right" },
  { header: "WRITE/s", align: "right" },
  { header: "IN p/s", align: "right" },
  { header: "OUT p/s", align: "right" },
  // As wide as it gets, so that the others stay where they are from one look to the next.
  { header: "     UP", align: "right" },
];

/** What is not known is `-`. */
export function renderTopTable(
  vms: readonly SampledVm[],
  { palette, width }: { readonly palette: Palette; readonly width: number | undefined },
): string[] {
  const rows = vms.map((vm): Cell[] => [
    vm.name,
    known(vm.cpus, (cpus) => (cpus * 100).toFixed(cpus >= 10 ? 0 : 1)),
    known(vm.memory, shortSize),
    known(vm.resident, shortSize),
    known(vm.read, shortSize),
    known(vm.written, shortSize),
    known(vm.received, (packets) => String(Math.round(packets))),
    known(vm.sent, (packets) => String(Math.round(packets))),
    vm.state === "running"
      ? known(vm.uptimeMs, (ms) => formatDuration(Math.max(1000, ms)))
      : { text: vm.state, paint: statePaint(vm.state, palette) },
  ]);
  return renderTable(COLUMNS, rows, { width, header: palette.faint });
}

function known(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? "-" : text(value);
}

const UNITS = ["B", "K", "M", "G", "T"];

/** Bytes in powers of 1024: `0`, `512B`, `9.5K`, `128M`, `1.5G`. */
function shortSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (unit < UNITS.length - 1 && Math.round(value) >= 1024) {
    value /= 1024;
    unit += 1;
  }
  const rounded = value < 10 && unit > 0 ? Math.round(value * 10) / 10 : Math.round(value);
  return rounded === 0 ? "0" : `${rounded}${UNITS[unit]}`;
}
