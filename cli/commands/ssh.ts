import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import type { SshAccess } from "../../providers/provider.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireRunning } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { openMachines } from "../workspace.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "ssh", {
    summary: "Log in to a VM",
    description:
      "Opens an OpenSSH session with the lab's key; the VM's host key is checked. What stands behind -- is handed to " +
      "the guest's shell, as ssh does, with a terminal if there is one. The exit code is ssh's.",
    examples: [
      { command: "vmlab ssh web", text: "a shell" },
      { command: "vmlab ssh web -- uptime", text: "one command" },
      { command: "vmlab ssh web -- 'journalctl -f | grep nginx'", text: "through the guest's shell" },
      { command: "vmlab ssh web --user root", text: "as another user" },
    ],
    exitCodes: [
      ["0 to 254", "the command's or the shell's own"],
      ["255", "ssh could not connect"],
      ["1", "an error of vmlab"],
    ],
    related: ["exec", "cp", "ssh-config", "console"],
  })
    .argument("<vm>", "name of the VM")
    .option("-l, --user <name>", "log in as this user")
    .action(async (name: string, options: { user?: string }) => {
      context.exitCode = await ssh(context, name, options);
    });
}

async function ssh(context: CommandContext, name: string, options: { user?: string }): Promise<number> {
  const { processes } = context.effects;
  const { state, providers } = await openMachines(context);
  const vm = chosenVm(state, name);
  const id = await requireRunning(providers.vm, vm);
  const access = await providers.vm.ssh(id);
  if ((await processes.which("ssh")) === undefined) {
    fail({
      code: "host/missing-program",
      summary: "ssh is not installed",
      hint: "Install OpenSSH's client (Debian: openssh-client).",
    });
  }
  return await processes.interactive(
    "ssh",
    sshArguments({ ...access, user: options.user ?? access.user }, context),
  );
}

/** OpenSSH's arguments; the command behind -- goes to the guest's shell as ssh joins it. */
function sshArguments(access: SshAccess, context: CommandContext): string[] {
  const command = context.guestCommand ?? [];
  return [
    ...Object.entries(access.options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    "-p",
    String(access.port),
    "-l",
    access.user,
    access.host,
    ...(command.length > 0 ? ["--", ...command] : []),
  ];
}
