import type { Command } from "commander";
import { formatDuration } from "../../engine/units.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { renderTable } from "../render/table.ts";
import { openStore } from "../workspace.ts";

export function defineHistory(context: CommandContext): Command {
  return defineCommand(context, "state history", {
    summary: "List the kept older states",
    examples: [
      { command: "vmlab state history", text: "newest first" },
      { command: "vmlab state restore 41", text: "go back to one of them" },
    ],
  })
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const { out } = context.terminal;
      const entries = await (await openStore(context)).history();
      if (options.json === true) {
        const shown = entries.map((entry) => ({ ...entry, savedAt: new Date(entry.savedAt).toISOString() }));
        out.write(`${JSON.stringify(shown, null, 2)}\n`);
        return;
      }
      if (entries.length === 0) {
        out.write("No older states are kept yet.\n");
        return;
      }
      const now = context.effects.clock.now();
      const rows = entries.map(({ serial, savedAt, resources }) => [
        `#${serial}`,
        `${formatDuration(Math.max(0, now - savedAt))} ago`,
        new Date(savedAt).toISOString().replace(/\.\d+Z$/, "Z"),
        String(resources),
      ]);
      const columns = [
        { header: "STATE", align: "right" },
        { header: "SAVED", align: "right" },
        { header: "AT" },
        { header: "RESOURCES", align: "right" },
      ] as const;
      out.write(
        `${renderTable(columns, rows, { width: out.columns, header: colours(out).faint }).join("\n")}\n`,
      );
    });
}
