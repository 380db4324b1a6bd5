/** The lab's entry in the host's ledger: reserved before work starts, settled when it ends, given up with the lab. */
import { isImageType } from "../config/types.ts";
import { DiagnosticsError } from "../diagnostics.ts";
import { checkCapacity, type PlannedVm, type VolumeGrowth } from "../host/capacity.ts";
import { readHostConfig } from "../host/host-config.ts";
import { withHostLock } from "../host/host-lock.ts";
import {
  LEDGER_VERSION,
  type LedgerLab,
  type Reservation,
  readLedger,
  removeLab,
  writeLab,
} from "../host/labs.ts";
import { recordedReservation, reservationAfter, volumeGrowth } from "../host/reservations.ts";
import type { Step } from "../plan/types.ts";
import type { ResourceState } from "../state/types.ts";
import type { Run } from "./run.ts";

/**
 * Under the host's lock: what the plan leads to must still fit beside what other labs have reserved meanwhile; then it
 * is reserved. Fails before anything was done.
 */
export async function reserveHost(run: Run): Promise<void> {
  if (run.plan.operations.length === 0) return;
  const { effects, home, lab } = run.workspace;
  await withLedger(run, async () => {
    const vms = await vmsAfter(run);
    if (run.providers.vm.usesHost) {
      const [config, ledger, disk, bootId] = await Promise.all([
        readHostConfig(effects, home),
        readLedger(effects, home),
        effects.host.disk(home.root),
        effects.host.bootId(),
      ]);
      const { diagnostics } = checkCapacity({
        lab: { lineage: run.lab.lineage, name: lab.name },
        host: config.limits,
        limits: lab.limits,
        labs: ledger.labs,
        bootId,
        vms,
        volumes: volumesGrowing(run),
        download: run.plan.needs.download ?? 0,
        diskFree: disk.free,
      });
      if (run.plan.mode !== "destroy" && diagnostics.length > 0) throw new DiagnosticsError(diagnostics);
    }
    const planned = Object.values(run.plan.resources).flatMap((resource) =>
      resource.type === "vm" ? (resource.base ?? []) : "digest" in resource ? (resource.digest ?? []) : [],
    );
    const reservations = Object.fromEntries(
      vms.map(({ name, cpus, memory, disk, running }) => [name, { cpus, memory, disk, running }]),
    );
    await writeLab(effects, home, await entry(run, [...leasesOf(run), ...planned], reservations));
  });
}

/** What the state says now, after the work. */
export async function settleHost(run: Run): Promise<void> {
  const reservations: Record<string, Reservation> = {};
  for (const record of run.keeper.resources()) {
    if (record.type === "vm") reservations[record.name] = recordedReservation(record);
  }
  await withLedger(run, async () =>
    writeLab(run.workspace.effects, run.workspace.home, await entry(run, leasesOf(run), reservations)),
  );
}

export function releaseHost(run: Run): Promise<void> {
  return withLedger(run, () => removeLab(run.workspace.effects, run.workspace.home, run.lab.lineage));
}

function withLedger(run: Run, action: () => Promise<void>): Promise<void> {
  const { effects, home, events } = run.workspace;
  return withHostLock(effects, home, "labs", action, { events });
}

async function entry(
  run: Run,
  leases: readonly string[],
  reservations: Readonly<Record<string, Reservation>>,
): Promise<LedgerLab> {
  const { host } = run.workspace.effects;
  return {
    version: LEDGER_VERSION,
    lineage: run.lab.lineage,
    name: run.lab.name,
    folder: run.lab.folder,
    host: await host.hostId(),
    bootId: await host.bootId(),
    leases: [...new Set(leases)].sort(),
    reservations,
    ...(run.providers.vm.usesHost ? {} : { usesHost: false }),
  };
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

function volumesGrowing(run: Run): VolumeGrowth[] {
  const steps = stepsByAddress(run);
  return Object.values(run.plan.resources).flatMap(
    (planned) =>
      volumeGrowth(steps.get(planned.address) ?? [], planned, run.keeper.resource(planned.address)) ?? [],
  );
}

/** What runs now is looked at, as the plan did: after a reboot of the host nothing does, whatever is recorded. */
async function vmsAfter(run: Run): Promise<PlannedVm[]> {
  const steps = stepsByAddress(run);
  const instances = run.keeper
    .resources()
    .flatMap((record) => (record.type === "vm" ? (record.instance ?? []) : []));
  const found = await run.providers.vm.read(instances);
  const addresses = new Set(
    run.keeper
      .resources()
      .filter((record) => record.type === "vm")
      .map((record) => record.address),
  );
  for (const resource of Object.values(run.plan.resources))
    if (resource.type === "vm") addresses.add(resource.address);
  return [...addresses].flatMap((address) => {
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
