import type { Command } from "commander";
import type { CreateArguments } from "../backup-commands/create.ts";
import type { RestoreArguments } from "../backup-commands/restore.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";

export function define(context: CommandContext): Command {
  return defineGroup("backup", "Save and restore what vmlab knows", [
    defineCommand(context, "backup create", {
      summary: "Make a backup",
      description:
        "The records of all images, this host's config.toml, which lab uses what, and the states and vmlab.lock of all " +
        "labs of this host; with --images also the disks of the images. Not the VMs, and no older states. It lies under " +
        "VMLAB_HOME, readable for you only, as states hold secrets.",
      examples: [
        { command: "vmlab backup create", text: "named after the time" },
        { command: "vmlab backup create before-upgrade --images", text: "with the disks" },
        { command: "vmlab backup create --to /mnt/usb/vmlab.tar.zst --images", text: "one file elsewhere" },
      ],
    })
      .argument("[name]", "name of the backup (default: the time)")
      .option("--images", "also the disks of the images")
      .option("--to <file>", "write one file instead; ends in .tar, .tar.gz or .tar.zst")
      .option("--json", "print JSON")
      .action(async (name: string | undefined, options: CreateArguments) => {
        const { createCommand } = await import("../backup-commands/create.ts");
        context.exitCode = await createCommand(context, name, options);
      }),
    defineCommand(context, "backup list", {
      summary: "List the backups",
      examples: [{ command: "vmlab backup list", text: "newest first" }],
    })
      .alias("ls")
      .option("--json", "print JSON")
      .action(async (options: { json?: boolean }) => {
        const { listCommand } = await import("../backup-commands/list.ts");
        context.exitCode = await listCommand(context, options);
      }),
    defineCommand(context, "backup restore", {
      summary: "Put back what a backup holds",
      description:
        "Every file is compared with its checksum first. What is missing here is put back; what is there stays, newer or " +
        "just different, unless --force replaces it, and then the present ones are kept in a backup before. A state goes " +
        "into its lab's folder, which must be there.",
      examples: [
        { command: "vmlab backup restore before-upgrade --dry-run", text: "what it would do" },
        {
          command: "vmlab backup restore /mnt/usb/vmlab.tar.zst",
          text: "from a file, also on an empty VMLAB_HOME",
        },
      ],
    })
      .argument("<backup>", "name of a backup, or path of a file")
      .option("--dry-run", "only say what would be done")
      .option("--force", "replace what differs")
      .option("-y, --yes", "do not ask")
      .option("--json", "print JSON")
      .action(async (what: string, options: RestoreArguments) => {
        const { restoreCommand } = await import("../backup-commands/restore.ts");
        context.exitCode = await restoreCommand(context, what, options);
      }),
  ]);
}
