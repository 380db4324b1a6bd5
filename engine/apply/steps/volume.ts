/** allocate, grow and trash of a volume; detach of the VM that has one. */
import type { VolumeSpec } from "../../../providers/provider.ts";
import type { JsonObject } from "../../json.ts";
import type { PlannedResource } from "../../plan/types.ts";
import { volumesOf } from "../../plan/volume-moves.ts";
import type { Intent, ResourceState } from "../../state/types.ts";
import { newInstanceId, type Run, type StepCall } from "../run.ts";
import { holdersOf, withVolumes } from "../volume-records.ts";
import { plannedVm, recordOf } from "./vm-target.ts";

type PlannedVolume = Extract<PlannedResource, { type: "volume" }>;

export async function allocate(run: Run, call: StepCall): Promise<void> {
  const planned = plannedVolume(call);
  const { id: operation, address } = call.operation;
  const instance = newInstanceId(run);
  const record = recordFor(planned, instance, {});
  const since = run.workspace.effects.clock.now();
  // Durable before the provider is asked: a crash from here on must find the id.
  const intent: Intent = { operation, address, step: "allocate", instance, record, since };
  await run.keeper.commit({ kind: "intent", intent });
  try {
    const attributes = await run.providers.volume.create(specFor(run, planned, instance), call.context);
    await run.keeper.commit({ kind: "done", operation, address, resource: { ...record, attributes } });
  } catch (error) {
    if (!call.context.signal.aborted) {
      await run.providers.volume.remove(instance, {});
      await run.keeper.commit({ kind: "abandoned", operation });
    }
    throw error;
  }
}

/** Idempotent, and recorded last: one that was cut off is planned again. */
export async function grow(run: Run, call: StepCall): Promise<void> {
  const planned = plannedVolume(call);
  const { address } = call.operation;
  const { instance = "", attributes: before } = recordOf(run, address);
  const holders = holdersOf(run.keeper.resources(), address);
  const spec = specFor(run, planned, instance);
  const ids = holders.flatMap(({ instance: id }) => id ?? []);
  const attributes = await run.providers.volume.grow(spec, ids, call.context);
  for (const holder of holders) await growInGuest(run, call, holder, spec);
  const resource = recordFor(planned, instance, { ...before, ...attributes });
  await run.keeper.commit({ kind: "resource", address, resource });
}

/** A guest that is off, or not up yet, does it when it gets ready. */
async function growInGuest(
  run: Run,
  call: StepCall,
  holder: ResourceState,
  volume: VolumeSpec,
): Promise<void> {
  const { instance = "", phase } = holder;
  if (phase !== "ready" && phase !== "complete") return;
  const { vm } = run.providers;
  if ((await vm.read([instance])).get(instance)?.state !== "running") return;
  const spec = run.knownSpec(holder);
  const volumes = (spec.volumes ?? []).map((one) =>
    one.id === volume.id ? { ...one, size: volume.size } : one,
  );
  await vm.update({ ...spec, volumes }, call.context);
}

export async function trash(run: Run, call: StepCall): Promise<void> {
  const { id: operation, address } = call.operation;
  const record = recordOf(run, address);
  const { instance } = record;
  const since = run.workspace.effects.clock.now();
  const intent: Intent = {
    operation,
    address,
    step: "trash",
    ...(instance === undefined ? {} : { instance }),
    record,
    since,
  };
  await run.keeper.commit({ kind: "intent", intent });
  try {
    await volumeToTrash(run, record);
  } catch (error) {
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
  await run.keeper.commit({ kind: "done", operation, address, resource: null });
}

/** With what is needed to restore it. Also for recovery. */
export async function volumeToTrash(run: Run, record: ResourceState): Promise<void> {
  const { instance, name } = record;
  if (instance === undefined) return;
  const { name: lab, lineage } = run.lab;
  const deletedAt = run.workspace.effects.clock.now();
  const reason = run.plan.resources[record.address] === undefined ? "deleted" : "replaced";
  await run.providers.volume.remove(instance, {
    trash: { name, lab, lineage, deletedAt, reason, record: record as unknown as JsonObject },
  });
}

/** The volumes that the VM has no longer, and those that are about to be made anew. Recorded, so that another VM may
 * take them. */
export async function detach(run: Run, call: StepCall): Promise<void> {
  const { address } = call.operation;
  const record = recordOf(run, address);
  const wanted = new Set(volumesOf(plannedVm(call).inputs));
  for (const operation of run.plan.operations)
    if (operation.step === "trash") wanted.delete(operation.address);
  const keeps = (volume: string) => wanted.has(volume);
  const spec = run.knownSpec(record);
  const volumes = (spec.volumes ?? []).filter(({ name }) => keeps(`volume.${name}`));
  await run.providers.vm.detach({ ...spec, volumes }, call.context);
  await run.keeper.commit({ kind: "resource", address, resource: withVolumes(record, keeps) });
}

function plannedVolume(call: StepCall): PlannedVolume {
  if (call.planned?.type !== "volume") throw new Error(`${call.operation.id} has no planned volume`);
  return call.planned;
}

function specFor(run: Run, { name, inputs }: PlannedVolume, id: string): VolumeSpec {
  return { id, name, lab: run.lab, ...inputs };
}

function recordFor(planned: PlannedVolume, instance: string, attributes: JsonObject): ResourceState {
  const { address, name, provider, generation, dependsOn, preventDestroy, inputs } = planned;
  return {
    address,
    type: "volume",
    name,
    provider,
    instance,
    generation,
    phase: "complete",
    inputs: inputs as unknown as JsonObject,
    attributes,
    dependsOn,
    preventDestroy,
  };
}
