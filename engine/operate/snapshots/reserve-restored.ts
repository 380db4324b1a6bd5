/** Room on the host for machines that a restore powers on, with the memory and the CPUs that they had then. */
import { DiagnosticsError } from "../../diagnostics.ts";
import type { PlannedVm } from "../../host/capacity.ts";
import { capacityOfHost } from "../../host/capacity-of-host.ts";
import { withHostLock } from "../../host/host-lock.ts";
import { readLab, writeLab } from "../../host/labs.ts";
import { recordedDisks, recordedVolumes, reservationAfter, reservationsOf } from "../../host/reservations.ts";
import type { ResourceState, State } from "../../state/types.ts";
import type { Workspace } from "../../workspace.ts";

/** A VM as the restore makes it. */
export interface RestoredVm {
  /** With the inputs of then. */
  readonly record: ResourceState;
  /** It runs when the restore is done. */
  readonly runs: boolean;
}

/** Under the host's lock: fails, before anything is done, when they do not fit beside what other labs have reserved. */
export async function reserveRestored(
  workspace: Workspace,
  state: State,
  restored: readonly RestoredVm[],
): Promise<void> {
  const { effects, home, events, providers } = workspace;
  const records = Object.values(state.resources);
  const vms = records.filter(({ type }) => type === "vm");
  const after = new Map(restored.map((one) => [one.record.address, one]));
  const found = await providers.vm.read(vms.flatMap(({ instance }) => instance ?? []));
  const planned = vms.flatMap((now): PlannedVm | [] => {
    const runsNow = found.get(now.instance ?? "")?.state === "running";
    const one = after.get(now.address);
    if (one === undefined) return reservationAfter(now.name, [], undefined, now, runsNow) ?? [];
    return reservationAfter(now.name, [one.runs ? "start" : "stop"], undefined, one.record, runsNow) ?? [];
  });
  await withHostLock(
    effects,
    home,
    "labs",
    async () => {
      if (providers.vm.usesHost) {
        const volumes = Object.entries(recordedVolumes(records)).map(([name, size]) => ({
          name,
          size,
          growth: 0,
        }));
        const { capacity } = await capacityOfHost(workspace, state.lineage, {
          ...{ vms: planned, volumes, download: 0 },
          disksBefore: recordedDisks(records),
        });
        if (capacity.diagnostics.length > 0) throw new DiagnosticsError(capacity.diagnostics);
      }
      const entry = await readLab(effects, home, state.lineage);
      if (entry === undefined) return;
      const bootId = await effects.host.bootId();
      await writeLab(effects, home, { ...entry, bootId, reservations: reservationsOf(planned) });
    },
    { events },
  );
}
