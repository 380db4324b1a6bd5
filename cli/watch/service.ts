/** `vmlab watch --install` and `--remove`: a service of the user's systemd. */
import { fail } from "../../engine/diagnostics.ts";
import {
  installUserUnit,
  removeUserUnit,
  type SystemdOutcome,
  unitEnvironment,
} from "../../engine/host/systemd-user-unit.ts";
import type { CommandContext } from "../context.ts";

const UNIT = "vmlab-watch.service";

/** It watches all labs of the host, whatever folder it is installed from. */
export async function installWatch(context: CommandContext, intervalMs: number): Promise<number> {
  const { effects, program, terminal } = context;
  const { env, userName, platform } = effects.host;
  if (program === undefined || platform !== "linux") {
    return fail({
      code: "host/no-systemd",
      summary: "a service of systemd cannot be made here",
      hint: 'Run "vmlab watch --all-labs" by what starts programs on this host, or "vmlab watch --all-labs --once" from cron.',
    });
  }
  const { path, wrote, systemd, lingers } = await installUserUnit(effects, {
    name: UNIT,
    description: "vmlab: watch the labs of this host",
    kind: "service",
    program: [...program, "watch", "--all-labs", "--interval", `${Math.round(intervalMs / 1000)}s`],
    environment: unitEnvironment(env),
  });
  const { out } = terminal;
  out.write(`${{ new: "Wrote", replaced: "Wrote anew:", unchanged: "Nothing to change:" }[wrote]} ${path}\n`);
  out.write(
    systemd.done
      ? `It watches all labs of this host now, and whenever you log in. "journalctl --user -u ${UNIT}" shows what it says.\n`
      : `It starts when you log in.\n${byHand(systemd)}`,
  );
  if (!lingers)
    out.write(
      `While nobody is logged in it does not run: "loginctl enable-linger ${userName()}" changes that.\n`,
    );
  return 0;
}

export async function removeWatch(context: CommandContext): Promise<number> {
  const { path, removed, systemd } = await removeUserUnit(context.effects, UNIT);
  const { out } = context.terminal;
  if (!removed) out.write(`There is no ${path}.\n`);
  else out.write(`Removed ${path}\n${systemd.done ? "" : byHand(systemd)}`);
  return 0;
}

function byHand({ why, commands }: Extract<SystemdOutcome, { done: false }>): string {
  return [`systemd could not be told (${why}). Run:`, ...commands.map((command) => `  ${command}`), ""].join(
    "\n",
  );
}
