import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";

export function define(context: CommandContext): Command {
  return defineGroup(
    "config",
    "Show and change the settings of this host",
    [
      defineCommand(context, "config list", {
        summary: 'List all settings (also "vmlab config" alone)',
        description:
          "Each with what holds now, its default, and the line of config.toml that sets it. Defaults that follow from the " +
          "host are shown as they are here.",
        examples: [
          { command: "vmlab config", text: "all of them" },
          { command: "vmlab config list --json", text: "for programs; sizes as written, defaults in bytes" },
        ],
      })
        .option("--json", "print JSON")
        .action(async (options: { json?: boolean }) => {
          const { listCommand } = await import("../config-commands/list.ts");
          context.exitCode = await listCommand(context, options);
        }),
      defineCommand(context, "config get", {
        summary: "Print the value of a setting",
        description: "What holds now, whether it is set or a default. Nothing where there is no limit.",
        examples: [{ command: "vmlab config get limits.memory", text: "such as 12GiB" }],
      })
        .argument("<key>", "name of the setting, such as limits.memory")
        .option("--json", "print JSON, with default and origin")
        .action(async (key: string, options: { json?: boolean }) => {
          const { getCommand } = await import("../config-commands/get.ts");
          context.exitCode = await getCommand(context, key, options);
        }),
      defineCommand(context, "config set", {
        summary: "Change a setting",
        description:
          "Writes it into config.toml, where comments and everything else stay as they are. A value that is not valid is " +
          "refused, and the file stays as it was. It counts from the next command on; what runs goes on.",
        examples: [
          { command: "vmlab config set limits.memory 12GiB", text: "for all running VMs together" },
          { command: "vmlab config set limits.vms 10", text: "at the same time" },
          { command: "vmlab config set trash.keep 2d", text: "how long deleted VMs are kept" },
        ],
      })
        .argument("<key>", "name of the setting")
        .argument("<value>", "a number, a size such as 4GiB, or a duration such as 7d")
        .action(async (key: string, value: string) => {
          const { setCommand } = await import("../config-commands/set.ts");
          context.exitCode = await setCommand(context, key, value);
        }),
      defineCommand(context, "config unset", {
        summary: "Go back to the default of a setting",
        examples: [{ command: "vmlab config unset limits.memory", text: "removes its line" }],
      })
        .argument("<key>", "name of the setting")
        .action(async (key: string) => {
          const { setCommand } = await import("../config-commands/set.ts");
          context.exitCode = await setCommand(context, key, undefined);
        }),
      defineCommand(context, "config path", {
        summary: "Print the path of config.toml",
        examples: [
          { command: "vmlab config path", text: 'to edit it by hand: $EDITOR "$(vmlab config path)"' },
        ],
      }).action(() => {
        context.terminal.out.write(`${context.home.configFile}\n`);
      }),
    ],
    "list",
  );
}
