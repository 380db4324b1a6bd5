/** `vmlab list`. */
import { guestPortKey } from "../../engine/config/ports.ts";
import { formatSize } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import type { ListedVm } from "../vm-listing.ts";
import { type Cell, LONGEST_NAME, renderTable } from "./table.ts";

export function renderVmTable(
  vms: readonly ListedVm[],
  layout: { palette: Palette; width: number | undefined },
): string[] {
  const { palette } = layout;
  const rows = vms.map((vm): Cell[] => [
    vm.name,
    { text: stateText(vm), paint: statePaint(vm, palette) },
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
  return vm.phase === "complete" || vm.state !== "running" ? vm.state : "not ready";
}

function statePaint(vm: ListedVm, palette: Palette): (text: string) => string {
  switch (vm.state) {
    case "running":
      return vm.phase === "complete" ? palette.good : palette.update;
    case "stopped":
    case "paused":
    case "suspended":
      return palette.faint;
    case "crashed":
    case "missing":
    case "incomplete":
    case "broken":
      return palette.error;
  }
}
