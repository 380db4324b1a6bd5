/** update and record: a resource is brought to changed inputs without being made anew. */

import type { ResourceState } from "../../state/types.ts";
import { sealInputs } from "../evaluate-inputs.ts";
import type { Run, StepCall } from "../run.ts";
import { provisioningChanged } from "./provision.ts";
import { plannedVm, recordOf, sealedInputs, targetOf } from "./vm-target.ts";

export async function update(run: Run, call: StepCall): Promise<void> {
  const planned = plannedVm(call);
  const { id: operation, address } = call.operation;
  const target = targetOf(run, call);
  const inputs = sealedInputs(run, planned);
  await run.keeper.commit({
    kind: "intent",
    intent: {
      operation,
      address,
      step: "update",
      instance: target.instance,
      since: run.workspace.effects.clock.now(),
    },
  });
  try {
    const attributes = await run.providers.vm.update(target.spec, call.context);
    const before = target.with({ attributes: { ...attributes, name: planned.name } });
    const powerChanged = before.inputs.power !== inputs.power;
    const { powerOverride, ...rest } = before;
    const changed: ResourceState = {
      ...rest,
      inputs,
      dependsOn: planned.dependsOn,
      preventDestroy: planned.preventDestroy,
      ...(powerOverride === undefined || powerChanged ? {} : { powerOverride }),
    };
    // Steps that changed while the machine is off are carried out after its next start.
    const pending = provisioningChanged(recordOf(run, address).inputs, inputs);
    const resource =
      pending && changed.phase === "complete" ? { ...changed, phase: "ready" as const } : changed;
    await run.keeper.commit({ kind: "done", operation, address, resource });
  } catch (error) {
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
}

/** record: the declaration changed in a way that nothing real depends on. */
export async function recordInputs(run: Run, call: StepCall): Promise<void> {
  const { planned, operation } = call;
  const before = recordOf(run, operation.address);
  if (planned === undefined) return;
  const inputs = sealInputs(planned.inputs, run.evaluation, run.keeper.sensitiveKey);
  if ("pin" in planned && planned.pin !== undefined) await run.pins.set(planned.address, planned.pin);
  const resource = {
    ...before,
    inputs,
    dependsOn: planned.dependsOn,
    preventDestroy: planned.preventDestroy,
  };
  await run.keeper.commit({ kind: "resource", address: operation.address, resource });
}
