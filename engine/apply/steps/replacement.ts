/** The exchange of machines in a replacement: the new one takes over, the old one goes to the trash; or back. */
import type { Operation } from "../../plan/types.ts";
import type { Intent, Replacement, ResourceState } from "../../state/types.ts";
import { forceStop, quietCall } from "../quiet-call.ts";
import type { Run, StepCall } from "../run.ts";
import { toTrash } from "./remove.ts";
import { lastingDependsOn, recordOf } from "./vm-target.ts";

/**
 * The record now describes the new machine. In the same durable batch the intent to retire the old one is noted, so
 * that no crash can lose sight of it.
 */
export async function promote(run: Run, operation: Operation, record: ResourceState): Promise<void> {
  const { replacement, stepsDone: _done, provisioned: _provisioned, powerOverride, ...rest } = record;
  if (replacement === undefined) return;
  const planned = run.plan.resources[operation.address];
  const vm = planned?.type === "vm" ? planned : undefined;
  const triggers = vm?.triggers;
  const runs = replacement.phase !== "created";
  const promoted: ResourceState = {
    ...rest,
    instance: replacement.instance,
    generation: replacement.generation,
    phase: replacement.phase,
    inputs: replacement.inputs,
    attributes: replacement.attributes,
    ...(vm === undefined ? {} : { dependsOn: lastingDependsOn(vm), preventDestroy: vm.preventDestroy }),
    ...(triggers === undefined ? {} : { triggers }),
    // The new machine has no memory that was saved.
    ...(runs || powerOverride === undefined ? {} : { powerOverride: { ...powerOverride, state: "stopped" } }),
  };
  // The intent comes first: if only half of the batch survives a crash, it is void while the old machine still serves.
  await run.keeper.commit(
    { kind: "intent", intent: retireIntent(run, record) },
    { kind: "resource", address: operation.address, resource: promoted },
  );
}

/** `previous` is the machine to put away, `record` what the state said about it. */
function retireIntent(run: Run, record: ResourceState): Intent {
  const { replacement: _, ...old } = record;
  return {
    operation: `${record.address}:retire`,
    address: record.address,
    step: "retire",
    ...(record.instance === undefined ? {} : { previous: record.instance }),
    record: old,
    since: run.workspace.effects.clock.now(),
  };
}

/** retire: the replaced machine goes to the trash. A replacement that was never started is promoted here. */
export async function retire(run: Run, call: StepCall): Promise<void> {
  const { address, id } = call.operation;
  const record = recordOf(run, address);
  if (record.replacement !== undefined) await promote(run, call.operation, record);
  const intent = run.keeper.intent(id);
  if (intent === undefined) return;
  await finishRetiring(run, intent);
}

/** Also for recovery: putting away what is gone already is no error; what still serves is left alone. */
export async function finishRetiring(run: Run, intent: Intent): Promise<void> {
  if (run.keeper.resource(intent.address)?.instance === intent.previous) {
    await run.keeper.commit({ kind: "abandoned", operation: intent.operation });
    return;
  }
  if (intent.previous !== undefined && intent.record !== undefined) {
    await toTrash(run, intent.record, intent.previous, "replaced");
  }
  await run.keeper.commit({ kind: "done", operation: intent.operation, address: intent.address });
}

/**
 * Takes a replacement back: the new machine goes (to the trash for a look, if it ever ran), the old one runs again if
 * it did before. Also for recovery.
 */
export async function rollBack(
  run: Run,
  address: string,
  reason: string,
  keepForALook: boolean,
): Promise<void> {
  const record = recordOf(run, address);
  const { replacement, ...old } = record;
  if (replacement === undefined) return;
  await forceStop(run, replacement.instance);
  if (keepForALook && replacement.phase !== "created") {
    await toTrash(run, newMachine(old, replacement), replacement.instance, reason);
  } else {
    await run.providers.vm.remove(replacement.instance, {});
  }
  // Off, and expected to be started: when starting it fails now, the next plan does it.
  const off: ResourceState = replacement.restartOld ? { ...old, phase: "created" } : old;
  await run.keeper.commit({ kind: "resource", address, resource: off });
  if (replacement.restartOld) await startAgain(run, old);
  run.workspace.events({ type: "rolled-back", address, reason });
}

async function startAgain(run: Run, old: ResourceState): Promise<void> {
  const attributes = await run.providers.vm.start(run.knownSpec(old), quietCall());
  const resource = { ...old, attributes: { ...old.attributes, ...attributes } };
  await run.keeper.commit({ kind: "resource", address: old.address, resource });
}

/** The record of a replacement's new machine, without what only the old one has been through. */
function newMachine(old: ResourceState, replacement: Replacement): ResourceState {
  const { stepsDone: _steps, provisioned: _provisioned, powerOverride: _override, ...rest } = old;
  const { restartOld: _restart, ...machine } = replacement;
  return { ...rest, ...machine };
}

/** True for the rest of an exchange that has begun: the old machine is off. */
export function isBegunExchange(run: Run, operation: Operation): boolean {
  if (operation.action !== "replace" || operation.step === "create" || operation.step === "stop")
    return false;
  const record = run.keeper.resource(operation.address);
  if (operation.step === "retire") return run.keeper.intent(operation.id) !== undefined;
  return record?.replacement !== undefined && operation.step !== "provision";
}
