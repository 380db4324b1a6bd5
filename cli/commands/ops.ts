import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";
import type { ListOptions } from "../ops-commands/list.ts";

export function define(context: CommandContext): Command {
  return defineGroup(
    "ops",
    "Watch, look into and stop long operations",
    [
      defineCommand(context, "ops list", {
        summary: 'List what runs and what ended lately (also "vmlab ops" alone)',
        description:
          "Every apply, destroy, image build and export of this host, whatever lab and terminal it belongs to, with how far " +
          "it is and how long it will still take. Records are kept for 14 days, at most 50.",
        examples: [
          { command: "vmlab ops", text: "what runs, and what ended in the last day" },
          { command: "vmlab ops --watch", text: "until nothing runs any more" },
          { command: "vmlab ops --json", text: "for programs" },
        ],
      })
        .argument("[ids...]", "only these; the beginning of an id is enough")
        .option("-w, --watch", "look again every second, until nothing runs any more or Ctrl-C")
        .option("-a, --all", "everything on record")
        .option("--json", "print JSON; with --watch one object a line, for each operation that changed")
        .action(async (ids: string[], options: ListOptions) => {
          const { listCommand } = await import("../ops-commands/list.ts");
          context.exitCode = await listCommand(context, ids, options);
        }),
      defineCommand(context, "ops show", {
        summary: "Show one operation",
        description: "What was asked for, how far it is or how it ended, why it failed, and its alerts.",
        examples: [{ command: "vmlab ops show 3f9", text: "the beginning of the id is enough" }],
      })
        .argument("<id>", 'id of an operation, as "vmlab ops" shows it')
        .option("--json", "print JSON")
        .action(async (id: string, options: { json?: boolean }) => {
          const { showCommand } = await import("../ops-commands/show.ts");
          context.exitCode = await showCommand(context, id, options);
        }),
      defineCommand(context, "ops logs", {
        summary: "Show what an operation did",
        description:
          "Its events with the output of guests and builders, as the terminal it was started in shows them.",
        examples: [
          { command: "vmlab ops logs op-3f9c2a", text: "what happened so far" },
          { command: "vmlab ops logs op-3f9c2a -f", text: "and what comes, until it ends or Ctrl-C" },
        ],
      })
        .argument("<id>", "id of an operation, or its beginning")
        .option("-f, --follow", "go on until it ends")
        .option("--json", "print the events as JSON, one a line")
        .action(async (id: string, options: { follow?: boolean; json?: boolean }) => {
          const { logsCommand } = await import("../ops-commands/logs.ts");
          context.exitCode = await logsCommand(context, id, options);
        }),
      defineCommand(context, "ops cancel", {
        summary: "Stop an operation",
        description:
          "Does what Ctrl-C does in its terminal: nothing new starts, what runs is finished or rolled back. With --force it " +
          "stops at once, and the next command on the lab finishes or undoes what was under way.",
        examples: [
          { command: "vmlab ops cancel op-3f9c2a", text: "after what runs now" },
          { command: "vmlab ops cancel op-3f9c2a --force", text: "at once" },
        ],
      })
        .argument("<id>", "id of an operation, or its beginning")
        .option("-f, --force", "at once")
        .action(async (id: string, options: { force?: boolean }) => {
          const { cancelCommand } = await import("../ops-commands/cancel.ts");
          context.exitCode = await cancelCommand(context, id, options);
        }),
    ],
    "list",
  );
}
