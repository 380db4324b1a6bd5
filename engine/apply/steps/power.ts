/** start, ready, stop, pause, suspend and resume of a VM, or of the machine that replaces it. */
import type { Intent, PowerOverride, ResourceState } from "../../state/types.ts";
import type { Run, StepCall } from "../run.ts";
import { allStepsDone } from "./provision.ts";
import { promote } from "./replacement.ts";
import { recordOf, targetOf, withoutOverride } from "./vm-target.ts";

export async function start(run: Run, call: StepCall): Promise<void> {
  const target = targetOf(run, call);
  await withIntent(run, call, { instance: target.instance }, async () => {
    const attributes = await run.providers.vm.start(target.spec, call.context);
    return withoutOverride(target.with({ phase: "started", attributes }));
  });
}

/** Nothing boots: how far the VM got stays as it is. */
export async function resume(run: Run, call: StepCall): Promise<void> {
  const target = targetOf(run, call);
  await withIntent(run, call, { instance: target.instance }, async () => {
    const attributes = await run.providers.vm.start(target.spec, call.context);
    return withoutOverride(target.with({ attributes }));
  });
}

export async function ready(run: Run, call: StepCall): Promise<void> {
  const target = targetOf(run, call);
  const { address } = call.operation;
  const attributes = await run.providers.vm.ready(target.spec, call.context);
  if (target.record.replacement !== undefined) {
    await promote(run, call.operation, target.with({ phase: "ready", attributes }));
    return;
  }
  const complete = allStepsDone(run, call, target);
  if (complete && target.spec.ready !== undefined)
    await run.providers.vm.readyCommand(target.spec, call.context);
  const resource = target.with({ phase: complete ? "complete" : "ready", attributes });
  await run.keeper.commit({ kind: "resource", address, resource });
}

/** Stops the VM's present machine; in a replacement that is the old one. */
export async function stop(run: Run, call: StepCall): Promise<void> {
  const record = recordOf(run, call.operation.address);
  if (record.instance === undefined) return;
  const { instance } = record;
  const now = run.workspace.effects.clock.now();
  await withIntent(run, call, { instance, record: stopped(record, call, now) }, async () => {
    const timeouts = record.inputs.timeouts as { stopMs?: number } | undefined;
    await run.providers.vm.stop(
      instance,
      { timeoutMs: timeouts?.stopMs ?? 60_000, force: call.operation.force ?? false },
      call.context,
    );
    return stopped(recordOf(run, call.operation.address), call, now);
  });
}

export async function pause(run: Run, call: StepCall): Promise<void> {
  const { instance, record } = targetOf(run, call);
  const resource = overridden(run, record, "paused");
  await withIntent(run, call, { instance, record: resource }, async () => {
    await run.providers.vm.pause(instance, call.context);
    return resource;
  });
}

export async function suspend(run: Run, call: StepCall): Promise<void> {
  const { instance, record, spec } = targetOf(run, call);
  const resource = overridden(run, record, "suspended");
  await withIntent(run, call, { instance, record: resource }, async () => {
    await run.providers.vm.suspend(spec, call.context);
    return resource;
  });
}

/** Does the work between a durable intent and the durable record that the VM has then. */
async function withIntent(
  run: Run,
  call: StepCall,
  about: Pick<Intent, "instance" | "record">,
  work: () => Promise<ResourceState>,
): Promise<void> {
  const { id: operation, address, step } = call.operation;
  const since = run.workspace.effects.clock.now();
  await run.keeper.commit({ kind: "intent", intent: { operation, address, step, ...about, since } });
  let resource: ResourceState;
  try {
    resource = await work();
  } catch (error) {
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
  await run.keeper.commit({ kind: "done", operation, address, resource });
}

function overridden(run: Run, record: ResourceState, state: PowerOverride["state"]): ResourceState {
  return { ...record, powerOverride: { state, by: "command", since: run.workspace.effects.clock.now() } };
}

/**
 * A stop on request leaves an override. One that is part of an operation leaves the phase `created` instead: off, and
 * expected to be started again, so that a crash right after it is mended by starting.
 */
function stopped(record: ResourceState, call: StepCall, now: number): ResourceState {
  if (call.operation.override === true) {
    return { ...record, powerOverride: { state: "stopped", by: "command", since: now } };
  }
  if (record.replacement !== undefined || call.operation.action === "stop") return record;
  return { ...record, phase: "created" };
}
