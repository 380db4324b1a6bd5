/** A snapshot of one VM, or of several at one moment. */
import { isSnapshotName } from "../../../providers/snapshot-provider.ts";
import { fail } from "../../diagnostics.ts";
import type { Json } from "../../json.ts";
import { rememberedOf } from "../../state/remembered.ts";
import type { Workspace } from "../../workspace.ts";
import { recordedSpecs } from "../recorded-spec.ts";
import { runTogether, type SnapshotCall, type SnapshotOutcome } from "./snapshot-run.ts";

export interface TakeCall extends SnapshotCall {
  readonly name: string;
  readonly description?: string;
  readonly sensitiveVariables: Readonly<Record<string, Json>>;
}

export async function takeSnapshots(workspace: Workspace, call: TakeCall): Promise<SnapshotOutcome> {
  const { name, description, sensitiveVariables } = call;
  if (!isSnapshotName(name)) {
    fail({
      code: "operate/snapshot-name",
      summary: `"${name}" cannot be the name of a snapshot`,
      hint: "Use letters, digits, dots, dashes and underscores, at most 63, and not digits alone.",
    });
  }
  const about = { ...call, action: "snapshot", interrupted: "No snapshot was taken, and the VMs go on." };
  return await runTogether(workspace, about, async (participants, state) => {
    const specOf = recordedSpecs(workspace, state, sensitiveVariables);
    await workspace.providers.vm.snapshots.take(
      participants.map(({ record, context }) => ({
        spec: specOf(record),
        name,
        ...(description === undefined ? {} : { description }),
        record: rememberedOf(record),
        context,
      })),
    );
  });
}
