import { timeName } from "../../engine/automatic-snapshot.ts";
import { takeSnapshots } from "../../engine/operate/snapshots/take-snapshots.ts";
import type { CommandContext } from "../context.ts";
import { sensitiveVariables } from "../workspace.ts";
import { namesOf, runSnapshot, type SnapshotArguments } from "./run-snapshot.ts";

export interface TakeArguments extends SnapshotArguments {
  readonly name?: string;
  readonly description?: string;
}

export async function takeCommand(
  context: CommandContext,
  vms: readonly string[],
  options: TakeArguments,
): Promise<number> {
  const { name = timeName(context.effects.clock.now()), description } = options;
  return await runSnapshot(context, vms, options, {
    command: "snapshot create",
    work: (workspace, call) =>
      takeSnapshots(workspace, {
        ...call,
        name,
        ...(description === undefined ? {} : { description }),
        sensitiveVariables: sensitiveVariables(workspace.lab),
      }),
    said: (chosen) => `Took the snapshot ${name} of ${namesOf(chosen)}.`,
  });
}
