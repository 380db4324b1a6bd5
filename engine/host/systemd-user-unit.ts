/**
 * Services of the user's own systemd (`systemctl --user`): written to `$XDG_CONFIG_HOME/systemd/user`, enabled, taken away.
 * A unit that somebody edited is left alone.
 */
import { basename, dirname, join } from "node:path";
import { errorText, fail, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import { environmentOf, type ServiceUnit, serviceUnitText, unitOrigin } from "./systemd-unit-text.ts";

type UnitEffects = Pick<Effects, "files" | "processes" | "host">;

export interface InstalledUnit {
  /** Absolute path of the unit's file. */
  readonly path: string;
  readonly wrote: "new" | "replaced" | "unchanged";
  /** The environment of the unit that was there. */
  readonly before?: Readonly<Record<string, string>>;
  readonly systemd: SystemdOutcome;
  /** False: it runs only while the user is logged in, as `loginctl enable-linger` was never called. */
  readonly lingers: boolean;
}

export type SystemdOutcome =
  | { readonly done: true }
  /** `commands`: what the user can run instead. */
  | { readonly done: false; readonly why: string; readonly commands: readonly string[] };

/**
 * Writes the unit and enables it, so that it starts with the user's session manager; one of kind `service` is (re)started
 * now as well. Fails with `host/unit-edited` when the file is there and is not as vmlab wrote it. Where there is no systemd
 * to talk to, the unit is written and enabled all the same.
 */
export async function installUserUnit(effects: UnitEffects, unit: ServiceUnit): Promise<InstalledUnit> {
  const path = userUnitPath(effects.host.env, unit.name);
  const text = serviceUnitText(unit);
  const before = await readTextIfThere(effects.files, path);
  const wrote = before === undefined ? "new" : before === text ? "unchanged" : "replaced";
  if (before !== undefined && wrote === "replaced") refuseEdited(path, before);
  if (wrote !== "unchanged") {
    await effects.files.makeDir(dirname(path), { mode: 0o755 });
    // systemd reads it, and complains about files that others must not read.
    await effects.files.write(path, text, { mode: 0o644 });
  }
  await enable(effects.files, path);
  const systemd = await callSystemd(effects, [
    ["daemon-reload"],
    ...(unit.kind === "service" ? [["restart", unit.name]] : []),
  ]);
  const environment = before === undefined ? {} : { before: environmentOf(before) };
  return { path, wrote, ...environment, systemd, lingers: await lingers(effects) };
}

export interface RemovedUnit {
  readonly path: string;
  /** False when there was none. */
  readonly removed: boolean;
  readonly systemd: SystemdOutcome;
}

/** Stops the unit, disables it and removes its file; what a unit of kind `once` started goes on running. Fails with `host/unit-edited` as {@link installUserUnit} does. */
export async function removeUserUnit(effects: UnitEffects, name: string): Promise<RemovedUnit> {
  const path = userUnitPath(effects.host.env, name);
  const before = await readTextIfThere(effects.files, path);
  if (before === undefined) return { path, removed: false, systemd: { done: true } };
  refuseEdited(path, before);
  await effects.files.remove(wantedPath(path));
  await effects.files.remove(path);
  const systemd = await callSystemd(effects, [["stop", name], ["daemon-reload"]]);
  return { path, removed: true, systemd };
}

/** Absolute path of a unit's file. */
function userUnitPath(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const config = env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
  return join(config, "systemd", "user", name);
}

/** What a unit needs of vmlab's own environment, to find the same machines and programs as the command that wrote it. */
export function unitEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    ["PATH", "VMLAB_HOME", "VMLAB_ACCEL", "XDG_DATA_HOME"].flatMap((name) => {
      const value = env[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

/** What `systemctl --user enable` does, which does nothing while the user's systemd does not run. */
async function enable(files: Effects["files"], path: string): Promise<void> {
  const link = wantedPath(path);
  if ((await files.linkStat(link)) !== undefined) return;
  await files.makeDir(dirname(link), { mode: 0o755 });
  await files.symlink(path, link);
}

function wantedPath(path: string): string {
  return join(dirname(path), "default.target.wants", basename(path));
}

function refuseEdited(path: string, text: string): void {
  const origin = unitOrigin(text);
  if (origin === "own") return;
  fail({
    code: "host/unit-edited",
    summary:
      origin === "edited" ? `${path} was edited since vmlab wrote it` : `${path} was not written by vmlab`,
    hint: "It is left as it is. Move it away, and run the command again.",
  });
}

const DEADLINE_MS = 60_000;

/** Runs `systemctl --user` with each of these; the first that fails is the last. */
async function callSystemd(
  effects: UnitEffects,
  calls: readonly (readonly string[])[],
): Promise<SystemdOutcome> {
  for (const [index, args] of calls.entries()) {
    const why = await callOnce(effects, args);
    if (why === undefined) continue;
    const commands = calls.slice(index).map((words) => ["systemctl", "--user", ...words].join(" "));
    return { done: false, why, commands };
  }
  return { done: true };
}

/** Why it failed; undefined when it did not. */
async function callOnce(effects: UnitEffects, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stderr, timedOut } = await effects.processes.run("systemctl", ["--user", ...args], {
      timeoutMs: DEADLINE_MS,
    });
    if (code === 0) return undefined;
    if (timedOut) return `systemctl took longer than ${DEADLINE_MS / 1000} s`;
    return stderr.trim().split("\n").at(-1) || `systemctl ended with ${code ?? "a signal"}`;
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? "there is no systemctl on this host" : errorText(error);
  }
}

/** As systemd-logind keeps it. */
async function lingers({ files, host }: UnitEffects): Promise<boolean> {
  return (await files.stat(join("/var/lib/systemd/linger", host.userName()))) !== undefined;
}
