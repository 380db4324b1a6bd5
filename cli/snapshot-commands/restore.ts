import { requireSnapshots, restoreSnapshots } from "../../engine/operate/snapshots/restore-snapshots.ts";
import { takeSnapshots } from "../../engine/operate/snapshots/take-snapshots.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { sensitiveVariables } from "../workspace.ts";
import { nameOfNow, namesOf, runSnapshot, type SnapshotArguments } from "./run-snapshot.ts";

export interface RestoreArguments extends SnapshotArguments {
  readonly name: string;
  readonly save?: boolean;
  readonly yes?: boolean;
}

export async function restoreCommand(
  context: CommandContext,
  vms: readonly string[],
  options: RestoreArguments,
): Promise<number> {
  const { name, save = false, yes = false } = options;
  const saved = `before-${name.slice(0, 32)}-${nameOfNow(context.effects.clock.now())}`;
  return await runSnapshot(context, vms, options, {
    command: "snapshot restore",
    meant: async (chosen, workspace) => {
      await requireSnapshots(workspace, chosen, name);
      const loss = save
        ? `What is there now is kept as ${saved}.`
        : "What is there now is lost: disks, volumes and memory (--save keeps it).";
      const question = `Bring ${namesOf(chosen)} back to the snapshot ${name}? ${loss}`;
      const agreed = await confirm(context, question, { yes, what: "restore", json: options.json === true });
      return agreed ? chosen : undefined;
    },
    work: async (workspace, call) => {
      const about = { ...call, sensitiveVariables: sensitiveVariables(workspace.lab) };
      if (save) {
        const kept = await takeSnapshots(workspace, { ...about, name: saved });
        if (kept.state === "failed") return kept;
      }
      return await restoreSnapshots(workspace, { ...about, name });
    },
    said: (chosen) =>
      `${namesOf(chosen)} ${chosen.length === 1 ? "is" : "are"} back at ${name}.${save ? ` What was there before: ${saved}.` : ""}`,
  });
}
