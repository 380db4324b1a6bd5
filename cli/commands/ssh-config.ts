import { join } from "node:path";
import type { Command } from "commander";
import { fail, systemErrorCode } from "../../engine/diagnostics.ts";
import { type LabHosts, labHosts } from "../../engine/operate/access/lab-hosts.ts";
import {
  includeLine,
  longAlias,
  sshConfigText,
  withInclude,
} from "../../engine/operate/access/ssh-config.ts";
import { includePattern, namesakes, writeSshConfig } from "../../engine/operate/access/ssh-config-file.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { openMachines } from "../workspace.ts";

interface SshConfigOptions {
  readonly write?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "ssh-config", {
    summary: "Print or install an OpenSSH configuration of the lab",
    description:
      "Prints a Host block for each VM, as NAME and NAME.LAB, with which ssh, scp, rsync and editors log in with the " +
      "lab's key and check the host key, as vmlab does. With --write the blocks go into a file below VMLAB_HOME that " +
      "~/.ssh/config includes, as NAME.LAB only, so that no host of yours is hidden; vmlab asks before it adds the " +
      "Include line. From then on apply, start and destroy keep the file current.",
    examples: [
      { command: "vmlab ssh-config > lab.conf", text: "then: ssh -F lab.conf web" },
      { command: "vmlab ssh-config --write", text: "then: ssh web.demo, rsync, VS Code" },
      { command: "vmlab ssh-config --json", text: "for programs" },
    ],
    related: ["ssh", "inventory"],
  })
    .option("--write", "install it for every program that reads ~/.ssh/config")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action(async (options: SshConfigOptions) => {
      context.exitCode = await sshConfig(context, options);
    });
}

async function sshConfig(context: CommandContext, options: SshConfigOptions): Promise<number> {
  const { out } = context.terminal;
  const { state, providers } = await openMachines(context);
  const hosts = await labHosts(state, providers.vm);
  if (options.write === true) {
    if (state === undefined) {
      fail({
        code: "select/no-vms",
        summary: "the lab has no VMs",
        hint: '"vmlab apply" makes those that lab.toml declares.',
      });
    }
    const lab = { name: state.lab, lineage: state.lineage, folder: state.folder };
    return await install(context, lab, hosts, options);
  }
  if (options.json === true) out.write(`${JSON.stringify(asJson(hosts), null, 2)}\n`);
  else out.write(sshConfigText(hosts, { short: true }));
  return 0;
}

function asJson({ hosts }: LabHosts): object[] {
  return hosts.map((host) => ({
    name: host.name,
    aliases: [host.name, longAlias(host)],
    host: host.access.host,
    port: host.access.port,
    user: host.access.user,
    running: host.running,
    options: host.access.options,
  }));
}

async function install(
  context: CommandContext,
  lab: Parameters<typeof writeSshConfig>[2],
  hosts: LabHosts,
  options: SshConfigOptions,
): Promise<number> {
  const { effects, home, terminal } = context;
  const pattern = includePattern(home);
  const own = await userConfig(context);
  const changed = withInclude(own.text, pattern);
  if (changed !== undefined) {
    terminal.out.write(`At the top of ${own.path} goes:\n  ${includeLine(pattern)}\n`);
    if (
      !(await confirm(context, "Add it?", {
        yes: options.yes === true,
        what: "ssh-config --write",
        shown: "the line",
      }))
    )
      return 1;
  }
  // The file first: an Include of nothing is no error, a file that nobody includes is no use.
  const path = await writeSshConfig(effects, home, lab, hosts);
  if (changed !== undefined) {
    await effects.files.makeDir(own.folder);
    await effects.files.write(own.path, changed, { mode: own.mode });
  }
  const names = hosts.hosts.map(longAlias);
  terminal.out.write(
    names.length === 0
      ? `Wrote ${path}. No VM has been started yet; the next start adds it.\n`
      : `Wrote ${path}. Log in with: ssh ${names[0]}${names.length === 1 ? "" : ` (or ${names.slice(1, 4).join(", ")}${names.length > 4 ? ", …" : ""})`}\n`,
  );
  for (const other of await namesakes(effects, home, lab)) {
    terminal.error.write(
      `Another lab is called ${lab.name} too (${other}): where both have a VM of one name, ssh takes one of them.\n`,
    );
  }
  return 0;
}

interface UserConfig {
  readonly folder: string;
  /** Of the file itself, where ~/.ssh/config is a link. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

async function userConfig({ effects }: CommandContext): Promise<UserConfig> {
  const { files, host } = effects;
  const userHome = host.env.HOME;
  if (userHome === undefined || userHome === "") {
    fail({
      code: "host/no-home",
      summary: "it is not known where your home folder is",
      hint: "Set HOME, or print the configuration without --write.",
    });
  }
  const folder = join(userHome, ".ssh");
  const link = join(folder, "config");
  try {
    const path = (await files.realPath(link)) ?? link;
    const stat = await files.stat(path);
    if (stat === undefined) return { folder, path, text: "", mode: 0o600 };
    return { folder, path, text: await files.readText(path), mode: stat.mode };
  } catch (error) {
    return fail(
      {
        code: "host/ssh-config-unreadable",
        summary: `${link} cannot be read`,
        detail: `The system says ${systemErrorCode(error) ?? "no"}.`,
        hint: "Check who owns it and its mode. Nothing was changed.",
      },
      error,
    );
  }
}
