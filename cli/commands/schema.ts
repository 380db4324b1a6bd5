import type { Command } from "commander";
import { assetPath } from "../../engine/asset-path.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "schema", {
    summary: "Print the JSON Schema of lab.toml",
    description: 'Editors that know "#:schema FILE" in TOML complete and check lab.toml with it.',
    examples: [
      {
        command: "vmlab schema > lab.schema.json",
        text: "then write #:schema ./lab.schema.json at the top of lab.toml",
      },
      { command: "vmlab schema --host", text: "the schema of config.toml under VMLAB_HOME" },
    ],
  })
    .option("--host", "the schema of this host's config.toml instead")
    .action(async (options: { host?: boolean }) => {
      const file = options.host === true ? "host-config" : "lab";
      const path = assetPath(`schemas/${file}.schema.json`);
      context.terminal.out.write(await context.effects.files.readText(path));
    });
}
