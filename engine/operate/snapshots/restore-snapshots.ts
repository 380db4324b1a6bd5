/** Brings VMs back to a snapshot, together: their disks and memory, and what the state knows of them. */
import type { Snapshot } from "../../../providers/provider.ts";
import { removeSuperfluous } from "../../automatic-snapshot.ts";
import { fail } from "../../diagnostics.ts";
import type { Json } from "../../json.ts";
import type { Remembered } from "../../state/remembered.ts";
import type { LockedStore } from "../../state/store.ts";
import type { ResourceState, State } from "../../state/types.ts";
import type { Workspace } from "../../workspace.ts";
import { recordedSpecs } from "../recorded-spec.ts";
import { reserveRestored } from "./reserve-restored.ts";
import { runTogether, type SnapshotCall, type SnapshotOutcome } from "./snapshot-run.ts";

export interface RestoreCall extends SnapshotCall {
  readonly name: string;
  readonly sensitiveVariables: Readonly<Record<string, Json>>;
}

/** Fails when one of them has no snapshot of that name. */
export async function requireSnapshots(
  workspace: Workspace,
  records: readonly ResourceState[],
  name: string,
): Promise<void> {
  const { snapshots } = workspace.providers.vm;
  const found = await snapshots.list(records.flatMap(({ instance }) => instance ?? []));
  for (const record of records) requireSnapshot(record, found.get(record.instance ?? "") ?? [], name);
}

/** What was off when the snapshot was taken, and ran before the restore, is started again. */
export async function restoreSnapshots(workspace: Workspace, call: RestoreCall): Promise<SnapshotOutcome> {
  const { name, sensitiveVariables } = call;
  const about = {
    ...call,
    action: "restore",
    interrupted: "VMs that were not restored yet may be off: run the command again, or start them.",
  };
  return await runTogether(workspace, about, async (participants, state, locked) => {
    const { vm: provider } = workspace.providers;
    const ids = participants.map(({ instance }) => instance);
    const [found, before] = await Promise.all([provider.snapshots.list(ids), provider.read(ids)]);
    const specOf = recordedSpecs(workspace, state, sensitiveVariables);
    const works = participants.map((participant) => {
      const { record, instance } = participant;
      const snapshot = requireSnapshot(record, found.get(instance) ?? [], name);
      const runs = snapshot.memory || before.get(instance)?.state === "running";
      const volumes = (specOf(record).volumes ?? []).map(({ id }) => id);
      const spec = specOf(record, rememberedIn(snapshot).inputs);
      return { ...participant, name, snapshot, runs, volumes, spec };
    });
    await provider.snapshots.check(works);
    await reserveRestored(
      workspace,
      state,
      works.map(({ record, snapshot, runs }) => ({ record: { ...record, ...rememberedIn(snapshot) }, runs })),
    );
    // Durable first: after a crash or failure in between, a plan brings the machine to lab.toml once more than needed. The
    // other way round, it would not see that the machine is another one.
    for (const work of works) await commit(locked, state, work, {});
    const attributes = await provider.snapshots.restore(works);
    for (const work of works) await commit(locked, state, work, attributes.get(work.instance) ?? {});
    await Promise.all(
      works.map(async ({ spec, context, snapshot, runs }) => {
        if (!runs) return;
        if (!snapshot.memory) await provider.start(spec, context);
        await provider.ready(spec, context);
      }),
    );
    for (const { record, context } of works)
      await removeSuperfluous(provider.snapshots, record, context, name);
  });
}

function requireSnapshot(record: ResourceState, found: readonly Snapshot[], name: string): Snapshot {
  const snapshot = found.find((one) => one.name === name);
  if (snapshot !== undefined) return snapshot;
  return fail({
    code: "operate/no-such-snapshot",
    address: record.address,
    summary: `${record.address} has no snapshot ${name}`,
    detail:
      found.length === 0
        ? "It has none at all."
        : `It has ${found.map((one) => one.name).join(", ")}. Nothing was changed.`,
    hint: `\`vmlab snapshot list\` shows all of the lab.`,
  });
}

function rememberedIn({ record }: Snapshot): Remembered {
  return record as unknown as Remembered;
}

/** From now on lab.toml is compared with the machine as it was then. One that stays off was stopped as before. */
async function commit(
  locked: LockedStore,
  state: State,
  work: { readonly record: ResourceState; readonly snapshot: Snapshot; readonly runs: boolean },
  attributes: ResourceState["attributes"],
): Promise<void> {
  const { record, snapshot, runs } = work;
  const { powerOverride, provisioned: _provisioned, stepsDone: _steps, ...rest } = record;
  const resource: ResourceState = {
    ...rest,
    ...(runs || powerOverride === undefined ? {} : { powerOverride }),
    ...rememberedIn(snapshot),
    attributes: { ...record.attributes, ...attributes },
  };
  const volumes = snapshot.volumes.flatMap(({ name, size }) => {
    const volume = state.resources[`volume.${name}`];
    if (volume === undefined || volume.inputs.size === size) return [];
    return [{ ...volume, inputs: { ...volume.inputs, size }, attributes: { ...volume.attributes, size } }];
  });
  await locked.append(
    [resource, ...volumes].map((one) => ({ kind: "resource", address: one.address, resource: one }) as const),
  );
}
