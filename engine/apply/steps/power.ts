/** start, ready and stop of a VM, or of the machine that replaces it. */
import type { ResourceState } from "../../state/types.ts";
import type { Run, StepCall } from "../run.ts";
import { allStepsDone } from "./provision.ts";
import { promote } from "./replacement.ts";
import { recordOf, targetOf, withoutOverride } from "./vm-target.ts";

export async function start(run: Run, call: StepCall): Promise<void> {
  const target = targetOf(run, call);
  const { id: operation, address } = call.operation;
  await run.keeper.commit({
    kind: "intent",
    intent: {
      operation,
      address,
      step: "start",
      instance: target.instance,
      since: run.workspace.effects.clock.now(),
    },
  });
  try {
    const attributes = await run.providers.vm.start(target.spec, call.context);
    const resource = withoutOverride(target.with({ phase: "started", attributes }));
    await run.keeper.commit({ kind: "done", operation, address, resource });
  } catch (error) {
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
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
  const { id: operation, address } = call.operation;
  const record = recordOf(run, address);
  if (record.instance === undefined) return;
  const now = run.workspace.effects.clock.now();
  await run.keeper.commit({
    kind: "intent",
    intent: {
      operation,
      address,
      step: "stop",
      instance: record.instance,
      record: stopped(record, call, now),
      since: now,
    },
  });
  try {
    const timeouts = record.inputs.timeouts as { stopMs?: number } | undefined;
    await run.providers.vm.stop(
      record.instance,
      { timeoutMs: timeouts?.stopMs ?? 60_000, force: call.operation.force ?? false },
      call.context,
    );
  } catch (error) {
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
  await run.keeper.commit({
    kind: "done",
    operation,
    address,
    resource: stopped(recordOf(run, address), call, now),
  });
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
