import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requirePowered } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { openMachines } from "../workspace.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "console", {
    summary: "Open a VM's serial console",
    description: "For a VM that cannot be reached over SSH. Every key goes to the guest; Ctrl-] leaves.",
    examples: [
      { command: "vmlab console web", text: "Enter brings up the login prompt" },
      { command: "vmlab logs web -n 50", text: "what the console showed before" },
    ],
    related: ["logs", "ssh"],
  })
    .argument("<vm>", "name of the VM")
    .action(async (name: string) => {
      context.exitCode = await openConsole(context, name);
    });
}

/** Ctrl-]. */
const ESCAPE = 0x1d;

async function openConsole(context: CommandContext, name: string): Promise<number> {
  const { terminal } = context;
  if (!terminal.interactive) {
    fail({
      code: "cli/needs-terminal",
      summary: "console needs a terminal",
      hint: `"vmlab logs ${name} -f" follows the console without one.`,
    });
  }
  const { state, providers } = await openMachines(context);
  const vm = chosenVm(state, name);
  const id = await requirePowered(providers.vm, vm);
  const connection = await providers.vm.openConsole(id);
  terminal.error.write(`Connected to ${vm.name}. Ctrl-] leaves.\n`);
  return await new Promise<number>((resolve) => {
    const end = (message: string, code: number): void => {
      keys.restore();
      terminal.error.write(`\r\n${message}\n`);
      resolve(code);
    };
    const keys = terminal.rawInput((data) => {
      const at = data.indexOf(ESCAPE);
      if (at < 0) connection.write(data);
      else {
        if (at > 0) connection.write(data.subarray(0, at));
        left = true;
        connection.close();
        end("Left the console.", 0);
      }
    });
    let left = false;
    connection.onData((data) => terminal.out.write(data));
    connection.onClose((error) => {
      if (!left)
        end(
          error === undefined
            ? "The console was closed: the VM is off."
            : `The console was closed: ${error.message}`,
          1,
        );
    });
  });
}
