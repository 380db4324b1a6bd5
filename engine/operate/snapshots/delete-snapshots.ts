/** Removes a snapshot of each VM that has it. */
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
  return await runTogether(workspace, about, async (participants) => {
    const { snapshots } = workspace.providers.vm;
    for (const { instance, context } of participants) {
      call.signal.throwIfAborted();
      await snapshots.remove(instance, call.name, context);
    }
  });
}
