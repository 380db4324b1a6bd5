/** delete and forget: what goes away, and where to. */

import type { JsonObject } from "../../json.ts";
import type { ResourceState } from "../../state/types.ts";
import type { Run, StepCall } from "../run.ts";
import { recordOf } from "./vm-target.ts";

/** Moves a stopped machine to the trash with what is needed to restore it. */
export async function toTrash(
  run: Run,
  record: ResourceState,
  instance: string,
  reason: string,
): Promise<void> {
  await run.providers.vm.remove(instance, {
    trash: {
      name: record.name,
      lab: run.lab.name,
      lineage: run.lab.lineage,
      deletedAt: run.workspace.effects.clock.now(),
      reason,
      record: { ...record, instance } as unknown as JsonObject,
    },
  });
}

export async function remove(run: Run, call: StepCall): Promise<void> {
  const { id: operation, address } = call.operation;
  const record = recordOf(run, address);
  await run.keeper.commit({
    kind: "intent",
    intent: {
      operation,
      address,
      step: "delete",
      ...(record.instance === undefined ? {} : { instance: record.instance }),
      record,
      since: run.workspace.effects.clock.now(),
    },
  });
  try {
    if (record.instance !== undefined) await toTrash(run, record, record.instance, "deleted");
  } catch (error) {
    // Nothing is owed: the resource may be declared again by the time of the next apply.
    if (!call.context.signal.aborted) await run.keeper.commit({ kind: "abandoned", operation });
    throw error;
  }
  await run.keeper.commit({ kind: "done", operation, address, resource: null });
}

export async function forget(run: Run, call: StepCall): Promise<void> {
  await run.keeper.commit({ kind: "resource", address: call.operation.address, resource: null });
}
