import { type Command, Option } from "commander";
import { assetPath } from "../../engine/asset-path.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "schema", {
    summary: "Print the JSON Schema of lab.toml",
    description: 'Editors that know "#:schema FILE" in TOML complete and check a file with it.',
    examples: [
      {
        command: "vmlab schema > lab.schema.json",
        text: "then write #:schema ./lab.schema.json at the top of lab.toml",
      },
      { command: "vmlab schema --module > module.schema.json", text: "the same for a module" },
      { command: "vmlab schema --host", text: "the schema of config.toml under VMLAB_HOME" },
    ],
    related: ["validate", "init"],
  })
    .option("--module", "the schema of a module instead")
    .addOption(new Option("--host", "the schema of this host's config.toml instead").conflicts("module"))
    .action(async (options: { host?: boolean; module?: boolean }) => {
      const file = options.host === true ? "host-config" : "lab";
      const path = assetPath(
        options.module === true ? "generated/module.schema.json" : `schemas/${file}.schema.json`,
      );
      context.terminal.out.write(await context.effects.files.readText(path));
    });
}
