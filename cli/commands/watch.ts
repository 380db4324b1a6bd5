import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { duration } from "../plan-arguments.ts";
import type { WatchOptions } from "../watch/run-watch.ts";

interface WatchArguments extends WatchOptions {
  readonly install?: boolean;
  readonly remove?: boolean;
}

const LEAST_INTERVAL_MS = 1000;

export function define(context: CommandContext): Command {
  return defineCommand(context, "watch", {
    summary: "Find machines, images and a host in trouble, and raise alerts",
    description:
      "Looks for VMs that died or stand still, a ready.command that fails for long, images that are damaged or missing, " +
      "little space on the host's disk, and operations that died. Each is told once, and again only after it was gone: " +
      "here, by the next command, and to the program in alerts.command of lab.toml. A lab that another command is at " +
      "work on is left out meanwhile. With --once it exits with 0 when all is well and 2 when something is wrong.",
    examples: [
      { command: "vmlab watch", text: "this lab, until Ctrl-C" },
      { command: "vmlab watch --all-labs --once", text: "every lab of this host, from cron" },
      { command: "vmlab watch --once --json", text: "for programs" },
      { command: "vmlab watch --install", text: "all labs, as a service of your systemd" },
    ],
  })
    .option("--interval <duration>", "time between two looks", duration, 60_000)
    .option("--once", "look once; exit with 2 when something is wrong")
    .option("--all-labs", "every lab of this host instead of this one")
    .option("--json", "print JSON, one object a line")
    .option("--install", "run as a service of your systemd, for all labs")
    .option("--remove", "take that service away")
    .action(async (options: WatchArguments) => {
      context.exitCode = await watch(context, options);
    });
}

async function watch(context: CommandContext, options: WatchArguments): Promise<number> {
  const { install = false, remove = false, once = false, interval } = options;
  if ([install, remove, once].filter(Boolean).length > 1) {
    fail({
      code: "cli/usage",
      summary: "--install, --remove and --once exclude each other",
      hint: "Give one of them.",
    });
  }
  if (interval < LEAST_INTERVAL_MS)
    fail({ code: "cli/usage", summary: "--interval is at least 1s", hint: "Such as --interval 30s." });
  if (!install && !remove) {
    const { watchCommand } = await import("../watch/run-watch.ts");
    return await watchCommand(context, options);
  }
  const { installWatch, removeWatch } = await import("../watch/service.ts");
  return install ? await installWatch(context, interval) : await removeWatch(context);
}
