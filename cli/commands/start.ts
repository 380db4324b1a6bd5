import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import type { CommandContext } from "../context.ts";
import { definePower, type PowerCommandOptions, power } from "../power-command.ts";

export function define(context: CommandContext): Command {
  const command = definePower(context, "start", {
    summary: "Start VMs",
    description:
      'Starts stopped VMs and waits until they are ready. Clears what "vmlab stop" remembered. A paused or suspended VM goes ' +
      "on where it was. Each is looked at first: one whose disk or image is damaged, or whose ports are taken, fails by " +
      "itself. With --resume-all the VMs of all labs that ran when the host went down, or that died, are started again; " +
      "those that were stopped on request stay off.",
    examples: [
      { command: "vmlab start web", text: "one VM" },
      { command: "vmlab start 'k8s-*' db", text: "several, by glob" },
      { command: "vmlab start --env k8s", text: "an environment" },
      { command: "vmlab start --all", text: "all of the lab" },
      { command: "vmlab start --resume-all", text: "after a reboot of the host, from any folder" },
    ],
    related: ["stop", "restart", "wait", "list"],
  });
  return command
    .option("--resume-all", "what ran on this host when it went down, in every lab")
    .action(async (names: string[], options: PowerCommandOptions & { readonly resumeAll?: boolean }) => {
      context.exitCode =
        options.resumeAll === true
          ? await resumeEverywhere(context, names, options)
          : await power(context, "start", names, options);
    });
}

async function resumeEverywhere(
  context: CommandContext,
  names: readonly string[],
  options: PowerCommandOptions,
): Promise<number> {
  const { env, role, label, all, var: variables, varFile } = options;
  if (
    names.length > 0 ||
    all === true ||
    [env, role, label, variables, varFile].some((given) => given !== undefined)
  ) {
    fail({
      code: "cli/usage",
      summary: "--resume-all is about every lab of this host, and takes neither VMs nor variables",
      hint: 'Without it, "vmlab start" starts VMs of this lab.',
    });
  }
  const { resumeAll } = await import("../resume-all.ts");
  return await resumeAll(context, {
    json: options.json === true,
    parallelism: options.parallelism,
    lockTimeoutMs: options.lockTimeout,
  });
}
