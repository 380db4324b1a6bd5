import type { Command } from "commander";
import { DEFAULT_PLAN_OPTIONS } from "../../engine/plan/options.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand, several } from "../define-command.ts";
import { addVariableOptions, positiveInteger } from "../plan-arguments.ts";
import type { GivenVariables } from "../workspace.ts";

export interface BuildOptions extends GivenVariables {
  readonly upgrade?: true | readonly string[];
  readonly replace?: boolean;
  readonly detach?: boolean;
  readonly keepOnFailure?: boolean;
  readonly parallelism: number;
  readonly json?: boolean;
}

export function defineBuild(context: CommandContext): Command {
  const command = defineCommand(context, "images build", {
    summary: "Build roles and custom images of the lab",
    description:
      "With the images below them, whether or not a VM stands on them. What is in the store already is not built again. " +
      "Names are those of lab.toml; without any, every role and custom image is built. An image that no VM of any lab " +
      "comes to stand on is kept for some days (store.keep in the host's config.toml).",
    examples: [
      { command: "vmlab images build docker", text: "a role, before a VM needs it" },
      { command: "vmlab images build docker observer --detach", text: 'in the background; see "vmlab ops"' },
      { command: "vmlab images build --upgrade role.docker", text: "anew, with today's packages" },
      {
        command: "vmlab images build web --keep-on-failure",
        text: "leave a failing build's machine running",
      },
    ],
  });
  command.argument("[names...]", "names, addresses (role.docker, image.web) or globs");
  return addVariableOptions(command)
    .option("--upgrade [address]", "look again at what vmlab.lock pins (repeatable)", several)
    .option("--replace", "build the named images anew even though they are in the store")
    .option("-d, --detach", "build in the background, also when the terminal closes")
    .option("--keep-on-failure", "keep the machine of a build that fails, for a look inside")
    .option(
      "--parallelism <n>",
      "most operations at a time",
      positiveInteger,
      DEFAULT_PLAN_OPTIONS.parallelism,
    )
    .option("--json", "print events as JSON, one a line")
    .action(async (names: string[], options: BuildOptions) => {
      const { buildCommand } = await import("./run-build.ts");
      context.exitCode = await buildCommand(context, names, options);
    });
}
