import type { Command } from "commander";
import { globPattern } from "../../engine/graph/select.ts";
import { compareNames } from "../../engine/operate/select.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { openStore } from "../workspace.ts";

export function defineList(context: CommandContext): Command {
  return defineCommand(context, "state list", {
    summary: "List the addresses in the state",
    examples: [
      { command: "vmlab state list", text: "all" },
      { command: "vmlab state list 'vm.k8s-*'", text: "some" },
    ],
  })
    .alias("ls")
    .argument("[addresses...]", "addresses or globs")
    .option("--json", "print JSON")
    .action(async (globs: string[], options: { json?: boolean }) => {
      const state = await (await openStore(context)).read();
      const patterns = globs.map(globPattern);
      const addresses = Object.keys(state?.resources ?? {})
        .filter((address) => patterns.length === 0 || patterns.some((pattern) => pattern.test(address)))
        .sort(compareNames);
      const text = options.json === true ? [JSON.stringify(addresses, null, 2)] : addresses;
      if (text.length > 0) context.terminal.out.write(`${text.join("\n")}\n`);
    });
}
