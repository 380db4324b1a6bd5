/** `vmlab init --autostart`: a unit of the user's systemd that starts again what ran when the host went down. */
import { fail } from "../engine/diagnostics.ts";
import type { CommandContext } from "./context.ts";
import { AUTOSTART_UNIT, installService, removeService } from "./user-service.ts";

/** Longer than any apply that a user may have begun before the unit runs. */
const LOCK_TIMEOUT = "1h";

export async function installAutostart(context: CommandContext): Promise<number> {
  return await installService(context, {
    name: AUTOSTART_UNIT,
    description: "vmlab: start the VMs that ran when the host went down",
    kind: "once",
    args: ["start", "--resume-all", "--lock-timeout", LOCK_TIMEOUT],
    instead: 'Run "vmlab start --resume-all" by what starts programs on this host.',
    tell: () => [
      `It runs "vmlab start --resume-all" for ${context.home.root} when the user's systemd starts, at login.`,
      `Variables of labs that have no default get their values there: "systemctl --user edit ${AUTOSTART_UNIT}", and below [Service] Environment=VMLAB_VAR_name=VALUE.`,
    ],
  });
}

export async function removeAutostart(context: CommandContext): Promise<number> {
  return await removeService(context, AUTOSTART_UNIT);
}

/** Options of `init` that do not go together. */
export function refuseMixed(options: {
  readonly name?: string;
  readonly autostart?: boolean;
  readonly remove?: boolean;
}): void {
  if (options.remove === true && options.autostart !== true) {
    fail({
      code: "cli/usage",
      summary: "--remove belongs to --autostart",
      hint: '"vmlab init --autostart --remove" takes the unit away.',
    });
  }
  if (options.autostart === true && options.name !== undefined) {
    fail({
      code: "cli/usage",
      summary: "--autostart is about this host, and writes no lab.toml",
      hint: 'Run "vmlab init --name NAME" by itself.',
    });
  }
}
