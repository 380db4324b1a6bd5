/** Whether the plan fits the host, over all labs on it. */
import type { Diagnostic } from "../diagnostics.ts";
import type { PlannedVm, PlannedVolume } from "../host/capacity.ts";
import { capacityOfHost } from "../host/capacity-of-host.ts";
import { recordedDisks, recordedReservation, reservationAfter, volumeAfter } from "../host/reservations.ts";
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
  const { capacity, warnings } = await capacityOfHost(workspace, basis.lineage, {
    ...{ vms: vmsAfter(basis, decided), volumes: volumesAfter(basis, decided), download },
    disksBefore: recordedDisks(Object.values(basis.state?.resources ?? {})),
  });
  const { memory, cpus, disk: needed, disks: full } = capacity;
  const disks = { growth: needed.need - download, room: Math.max(0, needed.free - download) };
  return {
    needs: { memory, cpus, disk: needed, ...(full === undefined ? {} : { disks: full }) },
    // A plan that does not fit is refused, and its notes are not shown.
    notes: needed.need > needed.free ? [] : await filledDisksNotes(basis, decided, disks),
    diagnostics: [...warnings, ...capacity.diagnostics],
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

function volumesAfter({ state }: PlanBasis, { items }: DecidedLab): PlannedVolume[] {
  const recorded = state?.resources ?? {};
  const decisions = new Map(items.map(({ address, decision }) => [address, decision]));
  return [...new Set([...decisions.keys(), ...Object.keys(recorded)])].flatMap((address) => {
    if (!address.startsWith("volume.")) return [];
    const { steps = [], planned } = decisions.get(address) ?? {};
    return volumeAfter(address.slice("volume.".length), steps, planned, recorded[address]) ?? [];
  });
}
