/** Whether the plan fits the host, over all labs on it. */
import type { Diagnostic } from "../diagnostics.ts";
import { checkCapacity as compute, type PlannedVm } from "../host/capacity.ts";
import { readHostConfig } from "../host/host-config.ts";
import { readLedger } from "../host/labs.ts";
import { recordedReservation, reservationAfter, volumeGrowth } from "../host/reservations.ts";
import type { DecidedLab } from "./decide-all.ts";
import { filledDisksNotes } from "./filled-disks.ts";
import type { PlanBasis } from "./make-plan.ts";
import type { Needs, PlanNote } from "./types.ts";

/** No figures for providers that use nothing of this host, or when nothing changes. */
export async function checkCapacity(
  basis: PlanBasis,
  decided: DecidedLab,
  download: number,
): Promise<{
  readonly needs: Needs;
  readonly notes: readonly PlanNote[];
  readonly diagnostics: readonly Diagnostic[];
}> {
  const { workspace } = basis;
  const changes = decided.items.some((item) => item.decision.steps.length > 0);
  if (!changes || !workspace.providers.vm.usesHost || basis.options.mode !== "normal")
    return { needs: {}, notes: [], diagnostics: [] };
  const { effects, home } = workspace;
  const [config, ledger, disk, bootId] = await Promise.all([
    readHostConfig(effects, home),
    readLedger(effects, home),
    effects.host.disk(home.root),
    effects.host.bootId(),
  ]);
  const capacity = compute({
    lab: { lineage: basis.lineage, name: workspace.lab.name },
    host: config.limits,
    limits: workspace.lab.limits,
    labs: ledger.labs,
    bootId,
    vms: vmsAfter(basis, decided),
    volumes: decided.items.flatMap(
      ({ address, decision: { steps, planned } }) =>
        volumeGrowth(steps, planned, basis.state?.resources[address]) ?? [],
    ),
    download,
    diskFree: disk.free,
  });
  const { memory, cpus, disk: needed } = capacity;
  const disks = { growth: needed.need - download, room: Math.max(0, needed.free - download) };
  return {
    needs: { memory, cpus, disk: needed },
    // A plan that does not fit is refused, and its notes are not shown.
    notes: needed.need > needed.free ? [] : await filledDisksNotes(basis, decided, disks),
    diagnostics: [...ledger.diagnostics, ...capacity.diagnostics],
  };
}

function vmsAfter(basis: PlanBasis, decided: DecidedLab): PlannedVm[] {
  const recorded = basis.state?.resources ?? {};
  const vms: PlannedVm[] = [];
  const seen = new Set<string>();
  for (const { address, decision } of decided.items) {
    if (!address.startsWith("vm.")) continue;
    seen.add(address);
    const record = recorded[address];
    const observation = basis.reality.vms.get(record?.instance ?? "");
    const runs =
      observation === undefined
        ? record !== undefined && recordedReservation(record).running
        : observation.state === "running";
    const after = reservationAfter(address.slice(3), decision.steps, decision.planned, record, runs);
    if (after !== undefined) vms.push(after);
  }
  for (const record of Object.values(recorded)) {
    if (record.type === "vm" && !seen.has(record.address))
      vms.push({ name: record.name, ...recordedReservation(record) });
  }
  return vms;
}
