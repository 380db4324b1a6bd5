import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";
import { addSelectionOptions } from "../machine-selection.ts";
import { addVariableOptions, duration } from "../plan-arguments.ts";
import type { ListArguments } from "../snapshot-commands/list.ts";
import type { RestoreArguments } from "../snapshot-commands/restore.ts";
import type { SnapshotArguments } from "../snapshot-commands/run-snapshot.ts";
import type { TakeArguments } from "../snapshot-commands/take.ts";

export function define(context: CommandContext): Command {
  return defineGroup(
    "snapshot",
    "Take, list, restore and remove snapshots of VMs",
    [defineCreate(context), defineList(context), defineRestore(context), defineDelete(context)],
    "list",
  );
}

function defineCreate(context: CommandContext): Command {
  const command = defineCommand(context, "snapshot create", {
    summary: "Take a snapshot of VMs",
    description:
      "Of a running VM with its memory: it stands still meanwhile, and goes on. Of one that is off, its disks. Volumes " +
      "that a VM may write to are in it. Several VMs are taken at one moment, or none of them.",
    examples: [
      { command: "vmlab snapshot create web", text: "named after the time" },
      { command: "vmlab snapshot create web --name clean", text: "with a name" },
      { command: "vmlab snapshot create --env k8s --name clean", text: "a whole environment as one" },
    ],
  });
  return shared(command)
    .option("--name <name>", "name of the snapshot (default: the time)")
    .option("--description <text>", "what it is for")
    .action(async (vms: string[], options: TakeArguments) => {
      const { takeCommand } = await import("../snapshot-commands/take.ts");
      context.exitCode = await takeCommand(context, vms, options);
    });
}

function defineList(context: CommandContext): Command {
  const command = defineCommand(context, "snapshot list", {
    summary: "List snapshots",
    description:
      "As a tree: each below the one that its VM was at before. SIZE is what its memory takes on disk; what the VM changes " +
      "later comes on top of that.",
    examples: [
      { command: "vmlab snapshot list", text: "of all VMs of the lab" },
      { command: "vmlab snapshot list web --json", text: "of one, for programs" },
    ],
  });
  return addSelectionOptions(command)
    .option("--json", "print JSON")
    .action(async (vms: string[], options: ListArguments) => {
      const { listCommand } = await import("../snapshot-commands/list.ts");
      context.exitCode = await listCommand(context, vms, options);
    });
}

function defineRestore(context: CommandContext): Command {
  const command = defineCommand(context, "snapshot restore", {
    summary: "Bring VMs back to a snapshot",
    description:
      "What the VMs hold now is lost, unless --save takes a snapshot of it first. A VM comes back with the CPUs, memory " +
      'and disks that it had then; "vmlab plan" shows how lab.toml differs. One that was running goes on from that moment, ' +
      "with its clock set to now. Several VMs go on at the same moment.",
    examples: [
      { command: "vmlab snapshot restore web --name clean", text: "after a question" },
      { command: "vmlab snapshot restore web --name clean --save", text: "keeps what is there now as well" },
      { command: "vmlab snapshot restore --env k8s --name clean --yes", text: "a whole environment" },
    ],
  });
  return shared(command)
    .requiredOption("--name <snapshot>", "name of the snapshot")
    .option("--save", "take a snapshot of what is there now first")
    .option("-y, --yes", "do not ask")
    .option("--auto-approve", "the same as --yes")
    .action(async (vms: string[], options: RestoreArguments) => {
      const { restoreCommand } = await import("../snapshot-commands/restore.ts");
      context.exitCode = await restoreCommand(context, vms, options);
    });
}

function defineDelete(context: CommandContext): Command {
  const command = defineCommand(context, "snapshot delete", {
    summary: "Remove a snapshot of VMs",
    description: "The VMs stay as they are, and so do the snapshots that were taken after it.",
    examples: [
      { command: "vmlab snapshot delete web --name clean", text: "of one VM" },
      { command: "vmlab snapshot delete --env k8s --name clean", text: "of an environment" },
    ],
  });
  return shared(command)
    .requiredOption("--name <snapshot>", "name of the snapshot")
    .action(async (vms: string[], options: SnapshotArguments & { readonly name: string }) => {
      const { deleteCommand } = await import("../snapshot-commands/delete.ts");
      context.exitCode = await deleteCommand(context, vms, options);
    });
}

function shared(command: Command): Command {
  return addVariableOptions(addSelectionOptions(command))
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print events as JSON, one a line");
}
