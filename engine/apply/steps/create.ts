/** create: disk, identity and seed of a VM, or of the machine that will replace it. */
import type { VmSpec } from "../../../providers/provider.ts";
import type { JsonObject } from "../../json.ts";
import type { Intent, ResourceState } from "../../state/types.ts";
import { readUnchanged } from "../../unchanged-file.ts";
import { newInstanceId, type Run, type StepCall } from "../run.ts";
import {
  baseDigest,
  cloneSource,
  lastingDependsOn,
  type PlannedVm,
  plannedVm,
  sealedInputs,
  specFor,
} from "./vm-target.ts";

export async function create(run: Run, call: StepCall): Promise<void> {
  const planned = plannedVm(call);
  const { id: operation, address } = call.operation;
  const before = run.keeper.resource(address);
  const replaces = call.operation.action === "replace" && before?.instance !== undefined;
  // Made anew because it was never finished: what there is of it goes first.
  if (!replaces && before?.instance !== undefined) await run.providers.vm.remove(before.instance, {});
  const instance = newInstanceId(run);
  const base = baseDigest(run, planned);
  const spec = {
    ...specFor(run, planned, instance, base),
    ...(await cloudConfigOf(run, planned)),
    ...cloneOf(run, planned),
  };
  const inputs = sealedInputs(run, planned);
  const attributes: JsonObject = { base, name: planned.name };
  const record: ResourceState = {
    address,
    type: "vm",
    name: planned.name,
    provider: planned.provider,
    instance,
    generation: planned.generation,
    phase: "created",
    inputs,
    attributes,
    dependsOn: lastingDependsOn(planned),
    preventDestroy: planned.preventDestroy,
    ...(planned.triggers === undefined ? {} : { triggers: planned.triggers }),
    ...(planned.environment === undefined ? {} : { environment: planned.environment }),
  };
  const intent: Intent = {
    operation,
    address,
    step: "create",
    instance,
    ...(replaces && before?.instance !== undefined ? { previous: before.instance } : {}),
    record,
    since: run.workspace.effects.clock.now(),
  };
  // Durable before the provider is asked: a crash from here on must find the id.
  await run.keeper.commit({ kind: "intent", intent });
  let made: JsonObject;
  try {
    made = await run.providers.vm.create(spec, call.context);
  } catch (error) {
    if (call.context.signal.aborted) throw error;
    await run.providers.vm.remove(instance, {});
    await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
  const reported = { ...attributes, ...made };
  if (!replaces || before === undefined) {
    await run.keeper.commit({
      kind: "done",
      operation,
      address,
      resource: { ...record, attributes: reported },
    });
    return;
  }
  const observation = (await run.providers.vm.read([before.instance ?? ""])).get(before.instance ?? "");
  const replacement = {
    instance,
    generation: planned.generation,
    inputs,
    attributes: reported,
    phase: "created" as const,
    restartOld: observation?.state === "running",
  };
  await run.keeper.commit({ kind: "done", operation, address, resource: { ...before, replacement } });
}

function cloneOf(run: Run, planned: PlannedVm): Pick<VmSpec, "clone"> {
  const { clone } = planned.inputs;
  if (clone === undefined) return {};
  const { instance } = cloneSource(run, planned, clone);
  const { snapshot, full } = clone;
  return { clone: { source: instance, full, ...(snapshot === undefined ? {} : { snapshot }) } };
}

async function cloudConfigOf(run: Run, { address, inputs }: PlannedVm): Promise<Pick<VmSpec, "cloudConfig">> {
  const { effects, folder } = run.workspace;
  if (inputs.cloud_init === undefined) return {};
  const { path, sha256 } = inputs.cloud_init;
  return { cloudConfig: (await readUnchanged(effects, { address, folder, path, sha256 })).toString("utf8") };
}
