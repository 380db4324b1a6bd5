import type { Command } from "commander";
import { type HostLook, readHostUsage } from "../../engine/operate/resources/read-host-usage.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { isFakeLab } from "../fake-lab.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { renderResources } from "../render/resources.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { openProviders } from "../workspace.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "resources", {
    summary: "Show what VMs take of this host",
    description:
      "Over all labs, in any folder: what is reserved, what is left of the limit, and what is really used. A plan may ask " +
      "for the vCPUs, memory and VMs that are left. Of the disk, LEFT is what stays when every disk fills; a plan that " +
      "makes or grows disks is refused only when these alone could not fill. Where limits.disk is set, LEFT is what that " +
      "leaves beside the disks and volumes of all labs, and more is refused too. BUSY is CPUs of the host, measured for a second; IN RAM is the resident set of the processes that run the " +
      "VMs; ON DISK is what disks, volumes and snapshots take of the virtual sizes under DISK. Disks grow as guests write: " +
      "the last line tells whether all of them may fill.",
    examples: [
      { command: "vmlab resources", text: "tables and bars" },
      { command: "vmlab resources --json | jq .memory", text: "for programs; sizes in bytes" },
    ],
  })
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      context.exitCode = await resources(context, options);
    });
}

async function resources(context: CommandContext, options: { json?: boolean }): Promise<number> {
  const { effects, home, terminal } = context;
  const { out } = terminal;
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    // Whatever lab is here: pretend machines take nothing of the host.
    const providers = await openProviders(context, "qemu");
    const look = await readHostUsage(effects, home, providers, interrupts.graceful);
    await showDiagnostics(look.diagnostics, context);
    if (options.json === true) out.write(`${JSON.stringify(asJson(look), null, 2)}\n`);
    else {
      if (await isFakeLab(context))
        terminal.error.write("This lab's own VMs are pretended ones, which take nothing.\n");
      const layout = { palette: colours(out), width: out.columns, bars: out.isTTY, root: home.root };
      out.write(`${renderResources(look.usage, look.builds, layout).join("\n")}\n`);
    }
    return 0;
  } catch (error) {
    if (interrupts.graceful.aborted) return 130;
    throw error;
  } finally {
    interrupts.release();
  }
}

/** Sizes in bytes; what is not known is null or absent. */
function asJson({ usage, builds }: HostLook): object {
  const { worstCase, labs, vms, ...rest } = usage;
  return {
    ...rest,
    vms: { limit: null, free: null, ...vms },
    labs: labs.map(({ vms: machines, volumes, ...lab }) => ({
      ...lab,
      vms: machines.map(({ name, state, reserved, usage: found, cpus }) => ({
        name,
        state,
        reserved: reserved?.running === true ? { cpus: reserved.cpus, memory: reserved.memory } : null,
        used: {
          cpus: cpus ?? null,
          memory: found?.running?.resident ?? null,
        },
        disk: found?.disk ?? null,
      })),
      volumes: volumes.map(({ name, disk }) => ({ name, disk })),
    })),
    worst_case: worstCase,
    builds: builds.map(({ what, cpus, memory }) => ({ what, cpus, memory })),
  };
}
