import { automaticName, timeName } from "../../engine/automatic-snapshot.ts";
import { requireSnapshots, restoreSnapshots } from "../../engine/operate/snapshots/restore-snapshots.ts";
import { takeSnapshots } from "../../engine/operate/snapshots/take-snapshots.ts";
import { takesSnapshot } from "../../engine/plan/automatic-snapshot.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { sensitiveVariables } from "../workspace.ts";
import { namesOf, runSnapshot, type SnapshotArguments } from "./run-snapshot.ts";

export interface RestoreArguments extends SnapshotArguments {
  readonly name: string;
  readonly save?: boolean;
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
}

export async function restoreCommand(
  context: CommandContext,
  vms: readonly string[],
  options: RestoreArguments,
): Promise<number> {
  const { name } = options;
  const yes = options.yes === true || options.autoApprove === true;
  const now = context.effects.clock.now();
  let saved = options.save === true ? `before-${name.slice(0, 32)}-${timeName(now)}` : undefined;
  return await runSnapshot(context, vms, options, {
    command: "snapshot restore",
    meant: async (chosen, workspace) => {
      await requireSnapshots(workspace, chosen, name);
      if (chosen.some(({ inputs }) => takesSnapshot(inputs)))
        saved ??= await automaticName(workspace.providers.vm.snapshots, chosen, now);
      const loss =
        saved !== undefined
          ? `What is there now is kept as ${saved}.`
          : "What is there now is lost: disks, volumes and memory (--save keeps it).";
      const question = `Bring ${namesOf(chosen)} back to the snapshot ${name}? ${loss}`;
      const agreed = await confirm(context, question, { yes, what: "restore", json: options.json === true });
      return agreed ? chosen : undefined;
    },
    work: async (workspace, call) => {
      const about = { ...call, sensitiveVariables: sensitiveVariables(workspace.lab) };
      if (saved !== undefined) {
        const kept = await takeSnapshots(workspace, { ...about, name: saved });
        if (kept.state === "failed") return kept;
      }
      return await restoreSnapshots(workspace, { ...about, name });
    },
    said: (chosen) =>
      `${namesOf(chosen)} ${chosen.length === 1 ? "is" : "are"} back at ${name}.${saved === undefined ? "" : ` What was there before: ${saved}.`}`,
  });
}
