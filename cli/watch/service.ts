/** `vmlab watch --install` and `--remove`: a service of the user's systemd. */
import type { CommandContext } from "../context.ts";
import { AUTOSTART_UNIT, installService, removeService } from "../user-service.ts";

const UNIT = "vmlab-watch.service";

/** It watches all labs of the host, whatever folder it is installed from. */
export async function installWatch(context: CommandContext, intervalMs: number): Promise<number> {
  return await installService(context, {
    name: UNIT,
    description: "vmlab: watch the labs of this host",
    kind: "service",
    // VMs that are about to be started again are no trouble.
    after: AUTOSTART_UNIT,
    args: ["watch", "--all-labs", "--interval", `${Math.round(intervalMs / 1000)}s`],
    instead:
      'Run "vmlab watch --all-labs" by what starts programs on this host, or "vmlab watch --all-labs --once" from cron.',
    tell: (started) => [
      started
        ? `It watches all labs of this host now, and whenever you log in. "journalctl --user -u ${UNIT}" shows what it says.`
        : "It watches all labs of this host from your next login on.",
    ],
  });
}

export async function removeWatch(context: CommandContext): Promise<number> {
  return await removeService(context, UNIT);
}
