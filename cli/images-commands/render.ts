import { type Command, Option } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { addVariableOptions } from "../plan-arguments.ts";
import type { GivenVariables } from "../workspace.ts";

export interface RenderOptions extends GivenVariables {
  readonly dialect?: "1.6" | "1.9";
  readonly files?: boolean;
  readonly json?: boolean;
}

export function defineRender(context: CommandContext): Command {
  const command = defineCommand(context, "images render", {
    summary: "Print the Packer template of a role or custom image",
    description:
      "The template that a build of it would hand to Packer, in the dialect of the installed Packer. Nothing is built.",
    examples: [
      { command: "vmlab images render docker", text: "the template" },
      { command: "vmlab images render docker --files", text: "with the scripts and files beside it" },
      { command: "vmlab images render docker --dialect 1.9", text: "for Packer 1.9 and newer" },
    ],
  });
  command.argument("<name>", "name or address of a role or custom image in lab.toml");
  return addVariableOptions(command)
    .addOption(
      new Option("--dialect <version>", "of Packer 1.6, or of 1.9 and newer").choices(["1.6", "1.9"]),
    )
    .option("--files", "print the files beside the template too")
    .option("--json", "print template and files as one JSON document")
    .action(async (name: string, options: RenderOptions) => {
      const { renderCommand } = await import("./run-render.ts");
      await renderCommand(context, name, options);
    });
}
