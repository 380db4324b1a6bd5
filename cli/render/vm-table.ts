/** `vmlab list`. */
import { guestPortKey } from "../../engine/config/ports.ts";
import { formatSize } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import type { ListedVm } from "../vm-listing.ts";
import { statePaint } from "./state-paint.ts";
import { type Cell, LONGEST_NAME, renderTable } from "./table.ts";

export function renderVmTable(
  vms: readonly ListedVm[],
  layout: { palette: Palette; width: number | undefined },
): string[] {
  const { palette } = layout;
  const rows = vms.map((vm): Cell[] => [
    vm.name,
    { text: stateText(vm), paint: isReady(vm) ? statePaint(vm.state, palette) : palette.update },
    vm.role ?? vm.image,
    vm.cpus === undefined ? "" : String(vm.cpus),
    vm.memory === undefined ? "" : formatSize(vm.memory),
    vm.disk === undefined ? "" : formatSize(vm.disk),
    vm.ssh_port === undefined || vm.state !== "running" ? "" : String(vm.ssh_port),
    Object.values(vm.networks).join(" "),
    [
      ...Object.entries(vm.ports).map(([guest, host]) => `${host}→${guest}`),
      ...(vm.temporary_ports ?? []).map((port) => `${port.host}→${guestPortKey(port)}`),
    ].join(" "),
    { text: vm.note ?? "", paint: palette.update },
  ]);
  return renderTable(
    [
      { header: "NAME", overflow: "cut-middle", least: LONGEST_NAME },
      { header: "STATE" },
      { header: "FROM", overflow: "cut-middle", least: 12, spare: 4 },
      { header: "CPUS", align: "right", spare: 2 },
      { header: "MEMORY", align: "right", spare: 3 },
      { header: "DISK", align: "right", spare: 1 },
      { header: "SSH", align: "right", spare: 7 },
      { header: "IP", overflow: "wrap", least: 10, spare: 6 },
      { header: "PORTS", overflow: "wrap", least: 9, spare: 5 },
      { header: "NOTE", overflow: "wrap", least: 14 },
    ],
    rows,
    { width: layout.width, header: palette.faint },
  );
}

function stateText(vm: ListedVm): string {
  return isReady(vm) ? vm.state : "not ready";
}

/** False for one that runs and has not got as far as it is to. */
function isReady({ phase, state }: ListedVm): boolean {
  return phase === "complete" || state !== "running";
}
