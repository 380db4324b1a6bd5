/** Removes a snapshot of each VM that has it. */
import { fail } from "../../diagnostics.ts";
import type { ResourceState } from "../../state/types.ts";
import type { Workspace } from "../../workspace.ts";
import { runTogether, type SnapshotCall, type SnapshotOutcome } from "./snapshot-run.ts";

export async function deleteSnapshots(
  workspace: Workspace,
  call: SnapshotCall & { readonly name: string },
): Promise<SnapshotOutcome> {
  const about = {
    ...call,
    action: "delete snapshot",
    interrupted: "What was not removed yet is there as before.",
  };
  return await runTogether(workspace, about, async (participants, _state, _locked, finished) => {
    for (const { record, instance, context } of participants) {
      call.signal.throwIfAborted();
      await workspace.providers.vm.snapshots.remove(instance, call.name, context);
      finished(record);
    }
  });
}

/** Those of the VMs that have the snapshot. Fails when none has. */
export async function thoseWithSnapshot(
  workspace: Workspace,
  records: readonly ResourceState[],
  name: string,
): Promise<readonly ResourceState[]> {
  const { snapshots } = workspace.providers.vm;
  const found = await snapshots.list(records.flatMap(({ instance }) => instance ?? []));
  const having = records.filter(({ instance = "" }) => found.get(instance)?.some((one) => one.name === name));
  if (having.length > 0) return having;
  const [only, ...others] = records;
  return fail({
    code: "operate/no-such-snapshot",
    summary:
      others.length === 0
        ? `${only?.address} has no snapshot ${name}`
        : `None of the ${records.length} VMs has a snapshot ${name}`,
    hint: "`vmlab snapshot list` shows all of the lab.",
  });
}
