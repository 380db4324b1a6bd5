import { deleteSnapshots, thoseWithSnapshot } from "../../engine/operate/snapshots/delete-snapshots.ts";
import type { CommandContext } from "../context.ts";
import { namesOf, runSnapshot, type SnapshotArguments } from "./run-snapshot.ts";

export async function deleteCommand(
  context: CommandContext,
  vms: readonly string[],
  options: SnapshotArguments & { readonly name: string },
): Promise<number> {
  const { name } = options;
  return await runSnapshot(context, vms, options, {
    command: "snapshot delete",
    meant: (chosen, workspace) => thoseWithSnapshot(workspace, chosen, name),
    work: (workspace, call) => deleteSnapshots(workspace, { ...call, name }),
    said: (chosen) => `Removed the snapshot ${name} of ${namesOf(chosen)}.`,
  });
}
