/** The lab's entry in the host's ledger: reserved before work starts, settled when it ends, given up with the lab. */
import { isImageType } from "../config/types.ts";
import { DiagnosticsError } from "../diagnostics.ts";
import type { PlannedVm, PlannedVolume } from "../host/capacity.ts";
import { capacityOfHost } from "../host/capacity-of-host.ts";
import { withHostLock } from "../host/host-lock.ts";
import { LEDGER_VERSION, type LedgerLab, type Reservation, removeLab, writeLab } from "../host/labs.ts";
import {
  recordedDisks,
  recordedReservation,
  recordedVolumes,
  reservationAfter,
  reservationsOf,
  volumeAfter,
} from "../host/reservations.ts";
import type { Step } from "../plan/types.ts";
import type { ResourceState } from "../state/types.ts";
import type { Run } from "./run.ts";

/**
 * Under the host's lock: what the plan leads to must still fit beside what other labs have reserved meanwhile; then it
 * is reserved. Fails before anything was done.
 */
export async function reserveHost(run: Run): Promise<void> {
  if (run.plan.operations.length === 0) return;
  await withLedger(run, async () => {
    const vms = await vmsAfter(run);
    const volumes = volumesAfter(run);
    if (run.providers.vm.usesHost) {
      const { capacity } = await capacityOfHost(run.workspace, run.lab.lineage, {
        ...{ vms, volumes, download: run.plan.needs.download ?? 0 },
        disksBefore: recordedDisks(run.keeper.resources()),
      });
      const { diagnostics } = capacity;
      if (run.plan.mode !== "destroy" && diagnostics.length > 0) throw new DiagnosticsError(diagnostics);
    }
    const planned = Object.values(run.plan.resources).flatMap((resource) =>
      resource.type === "vm" ? (resource.base ?? []) : "digest" in resource ? (resource.digest ?? []) : [],
    );
    await write(run, {
      leases: [...leasesOf(run), ...planned],
      reservations: reservationsOf(vms),
      volumes: Object.fromEntries(volumes.map(({ name, size }) => [name, size])),
    });
  });
}

/** What the state says now, after the work. */
export async function settleHost(run: Run): Promise<void> {
  const reservations: Record<string, Reservation> = {};
  const records = run.keeper.resources();
  for (const record of records) {
    if (record.type === "vm") reservations[record.name] = recordedReservation(record);
  }
  await withLedger(run, () =>
    write(run, { leases: leasesOf(run), reservations, volumes: recordedVolumes(records) }),
  );
}

export function releaseHost(run: Run): Promise<void> {
  return withLedger(run, () => removeLab(run.workspace.effects, run.workspace.home, run.lab.lineage));
}

function withLedger(run: Run, action: () => Promise<void>): Promise<void> {
  const { effects, home, events } = run.workspace;
  return withHostLock(effects, home, "labs", action, { events });
}

async function write(
  run: Run,
  { leases, reservations, volumes }: Required<Pick<LedgerLab, "leases" | "reservations" | "volumes">>,
): Promise<void> {
  const { effects, home } = run.workspace;
  await writeLab(effects, home, {
    version: LEDGER_VERSION,
    lineage: run.lab.lineage,
    name: run.lab.name,
    folder: run.lab.folder,
    host: await effects.host.hostId(),
    bootId: await effects.host.bootId(),
    leases: [...new Set(leases)].sort(),
    reservations,
    ...(Object.keys(volumes).length === 0 ? {} : { volumes }),
    ...(run.providers.vm.usesHost ? {} : { usesHost: false }),
  });
}

/** Digests that the lab stands on: its images, and the bases of its VMs. */
function leasesOf(run: Run): string[] {
  return run.keeper.resources().flatMap((record: ResourceState) => {
    if (isImageType(record.type)) return record.instance ?? [];
    const bases = [record.attributes.base, record.replacement?.attributes.base];
    return bases.filter((base): base is string => typeof base === "string");
  });
}

function stepsByAddress({ plan }: Run): ReadonlyMap<string, readonly Step[]> {
  const steps = new Map<string, Step[]>();
  for (const { address, step } of plan.operations) {
    const list = steps.get(address);
    if (list === undefined) steps.set(address, [step]);
    else list.push(step);
  }
  return steps;
}

function volumesAfter(run: Run): PlannedVolume[] {
  const steps = stepsByAddress(run);
  return addressesOf(run, "volume").flatMap((address) => {
    const { [address]: planned } = run.plan.resources;
    const name = address.slice("volume.".length);
    return volumeAfter(name, steps.get(address) ?? [], planned, run.keeper.resource(address)) ?? [];
  });
}

/** What runs now is looked at, as the plan did: after a reboot of the host nothing does, whatever is recorded. */
async function vmsAfter(run: Run): Promise<PlannedVm[]> {
  const steps = stepsByAddress(run);
  const instances = run.keeper
    .resources()
    .flatMap((record) => (record.type === "vm" ? (record.instance ?? []) : []));
  const found = await run.providers.vm.read(instances);
  return addressesOf(run, "vm").flatMap((address) => {
    const record = run.keeper.resource(address);
    const runs = found.get(record?.instance ?? "")?.state === "running";
    return (
      reservationAfter(
        address.slice(3),
        steps.get(address) ?? [],
        run.plan.resources[address],
        record,
        runs,
      ) ?? []
    );
  });
}

/** Of everything of a type that there is or will be. */
function addressesOf({ keeper, plan }: Run, type: "vm" | "volume"): string[] {
  const all: readonly { readonly type: string; readonly address: string }[] = [
    ...keeper.resources(),
    ...Object.values(plan.resources),
  ];
  return [...new Set(all.flatMap((one) => (one.type === type ? one.address : [])))];
}
