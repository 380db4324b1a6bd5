/** Units of the user's systemd as commands install them and take them away: the same words, whatever they run. */
import { fail, warning } from "../engine/diagnostics.ts";
import { homeFrom } from "../engine/home.ts";
import type { ServiceUnit } from "../engine/host/systemd-unit-text.ts";
import {
  type InstalledUnit,
  installUserUnit,
  removeUserUnit,
  type SystemdOutcome,
  unitEnvironment,
} from "../engine/host/systemd-user-unit.ts";
import type { CommandContext } from "./context.ts";
import { showDiagnostics } from "./show-diagnostics.ts";

/** Begun by nobody else: what has to wait for it names it. */
export const AUTOSTART_UNIT = "vmlab-autostart.service";

export interface UserService extends Omit<ServiceUnit, "program" | "environment"> {
  /** The command line of vmlab that it runs. */
  readonly args: readonly string[];
  /** What to run where there is no systemd. */
  readonly instead: string;
  /** What it does from now on, as lines. `started`: it runs already, or waits for its time. */
  readonly tell: (started: boolean) => readonly string[];
}

export async function installService(context: CommandContext, service: UserService): Promise<number> {
  const { effects, program, terminal } = context;
  const { args, instead, tell, ...unit } = service;
  if (program === undefined || effects.host.platform !== "linux") {
    return fail({
      code: "host/no-systemd",
      summary: "a service of systemd cannot be made here",
      hint: instead,
    });
  }
  const installed = await installUserUnit(effects, {
    ...unit,
    program: [...program, ...args],
    environment: unitEnvironment(effects.host.env),
  });
  const { path, wrote, systemd, lingers } = installed;
  const DID = { new: "Wrote", replaced: "Replaced", unchanged: "Nothing to change in" } as const;
  const lines = [
    `${DID[wrote]} ${path}.`,
    ...tell(systemd.done),
    ...byHand(systemd),
    ...(lingers
      ? []
      : [
          `While you are not logged in it does not run: "loginctl enable-linger ${effects.host.userName()}" makes it start with the host.`,
        ]),
  ];
  for (const line of lines) terminal.out.write(`${line}\n`);
  await warnOfOtherHome(context, installed);
  return 0;
}

export async function removeService({ effects, terminal }: CommandContext, name: string): Promise<number> {
  const { path, removed, systemd } = await removeUserUnit(effects, name);
  const lines = [removed ? `Removed ${path}.` : `There is no ${path}.`, ...byHand(systemd)];
  for (const line of lines) terminal.out.write(`${line}\n`);
  return 0;
}

function byHand(systemd: SystemdOutcome): readonly string[] {
  if (systemd.done) return [];
  return [
    `The user's systemd was not told: ${systemd.why}. Where it runs, do:`,
    ...systemd.commands.map((command) => `  ${command}`),
  ];
}

/** There is one unit of a name, and the labs of the other VMLAB_HOME are left to themselves from now on. */
async function warnOfOtherHome(context: CommandContext, { path, before }: InstalledUnit): Promise<void> {
  if (before === undefined) return;
  const { home } = context;
  const { HOME } = context.effects.host.env;
  const { root } = homeFrom({ ...(HOME === undefined ? {} : { HOME }), ...before });
  if (root === home.root) return;
  const told = warning({
    code: "host/unit-other-home",
    summary: `the unit was for the labs of ${root} until now, and is for those of ${home.root}`,
    detail: path,
    hint: "Run the command again with the other VMLAB_HOME if that is not what you want.",
  });
  await showDiagnostics([told], context);
}
