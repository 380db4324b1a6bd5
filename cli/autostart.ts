/** `vmlab init --autostart`: a unit of the user's systemd that starts again what ran when the host went down. */
import { fail } from "../engine/diagnostics.ts";
import {
  installUserUnit,
  removeUserUnit,
  type SystemdOutcome,
  unitEnvironment,
} from "../engine/host/systemd-user-unit.ts";
import type { CommandContext } from "./context.ts";

const UNIT = "vmlab-autostart.service";

/** Longer than any apply that a user may have begun before the unit runs. */
const LOCK_TIMEOUT = "1h";

export async function installAutostart(context: CommandContext): Promise<number> {
  const { effects, home, program, terminal } = context;
  if (program === undefined) throw new Error("vmlab does not know how it was started");
  const { path, wrote, systemd, lingers } = await installUserUnit(effects, {
    name: UNIT,
    description: "vmlab: start the VMs that ran when the host went down",
    kind: "once",
    program: [...program, "start", "--resume-all", "--lock-timeout", LOCK_TIMEOUT],
    environment: unitEnvironment(effects.host.env),
  });
  const { out } = terminal;
  const DID = { new: "Wrote", replaced: "Replaced", unchanged: "Nothing to change in" } as const;
  out.write(`${DID[wrote]} ${path}.\n`);
  out.write(`It runs "vmlab start --resume-all" for ${home.root} when the user's systemd starts.\n`);
  tellSystemd(context, systemd);
  out.write(
    `Variables of labs that have no default get their values there: "systemctl --user edit ${UNIT}", and below [Service] Environment=VMLAB_VAR_name=VALUE.\n`,
  );
  if (!lingers)
    out.write(
      'That is at login; "loginctl enable-linger" makes it start with the host, before anybody logs in.\n',
    );
  return 0;
}

export async function removeAutostart(context: CommandContext): Promise<number> {
  const { path, removed, systemd } = await removeUserUnit(context.effects, UNIT);
  context.terminal.out.write(removed ? `Removed ${path}.\n` : `There is no ${path}.\n`);
  tellSystemd(context, systemd);
  return 0;
}

function tellSystemd({ terminal: { out } }: CommandContext, systemd: SystemdOutcome): void {
  if (systemd.done) return;
  out.write(`The user's systemd was not told: ${systemd.why}. Where it runs, do:\n`);
  for (const command of systemd.commands) out.write(`  ${command}\n`);
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
