/** One look at everything that is watched: what counts now, what is new, what is over; alerts are raised here. */

import { type Alert, queueAlert, runAlertCommand } from "../../engine/host/operations/alert.ts";
import { type AlertSettings, DEFAULT_ALERTS } from "../../engine/host/operations/alert-settings.ts";
import { findDeaths } from "../../engine/host/operations/current.ts";
import { alertOf, type Finding } from "../../engine/operate/watch/finding.ts";
import type { Compared, KnownFindings } from "../../engine/operate/watch/known-findings.ts";
import { lookAtHost } from "../../engine/operate/watch/look-at-host.ts";
import { type Look, lookAtLab } from "../../engine/operate/watch/look-at-lab.ts";
import type { CommandContext } from "../context.ts";
import {
  type Busy,
  changedSince,
  type OpenLab,
  openWatched,
  type Part,
  type Unreadable,
  unreadable,
} from "./watched-labs.ts";

type LeftOut = Busy | Unreadable;

export interface Looked extends Compared {
  /** Long operations that were found dead now. */
  readonly deaths: readonly Alert[];
  readonly labs: number;
  readonly vms: number;
  readonly images: number;
  /** Bytes free on the host's disk. */
  readonly free: number;
  /** What was not looked at, or not wholly. */
  readonly left: readonly (LeftOut | Part)[];
  /** Why alerts could not be handed over. */
  readonly notes: readonly string[];
}

export interface LookOptions {
  /** Alerts wait for the next command, as nobody sits before this one. */
  readonly queue: boolean;
  readonly signal: AbortSignal;
  readonly known: KnownFindings;
}

export async function look(
  context: CommandContext,
  folders: readonly string[],
  options: LookOptions,
): Promise<Looked> {
  const { effects, home } = context;
  const opened = await Promise.all(folders.map((folder) => openWatched(context, folder)));
  const open = opened.flatMap((one) => (one.state === "open" ? [one] : []));
  const labs = open.map(({ lab }) => lab);
  const diskFree = Math.max(...labs.map(({ settings }) => settings.diskFree), 0) || DEFAULT_ALERTS.diskFree;
  const [host, ...tried] = await Promise.all([
    lookAtHost(effects, home, diskFree),
    ...open.map((one) => lookAt(context, one, options.signal)),
  ]);
  const looks = tried.flatMap((one) => ("look" in one ? [one] : []));
  const findings: Finding[] = [...host.findings, ...looks.flatMap(({ look }) => look.findings)];
  const scopes = new Set(["host", ...looks.map(({ lineage }) => lineage)]);
  const compared = await options.known.compare(findings, scopes);
  const deaths = await findDeaths(effects, home).catch(() => []);
  const now = effects.clock.now();
  const alerts = [
    ...deaths,
    ...compared.standing.filter(({ fresh }) => fresh).map(({ finding }) => alertOf(finding, now)),
  ];
  const settings = new Map(labs.map((lab) => [lab.folder, lab.settings]));
  const notes = await Promise.all(alerts.map((alert) => raise(context, alert, settings, options.queue)));
  return {
    ...compared,
    deaths,
    labs: looks.length,
    vms: sum(looks.map(({ look }) => look.vms)),
    images: sum(looks.map(({ look }) => look.images)),
    free: host.free,
    left: [
      ...opened.flatMap((one) => (one.state === "busy" || one.state === "unreadable" ? [one] : [])),
      ...open.flatMap(({ part }) => part ?? []),
      ...tried.flatMap((one) => ("look" in one ? [] : [one])),
    ],
    notes: notes.flat(),
  };
}

/** What ends the look at one lab ends that of no other. */
async function lookAt(
  context: CommandContext,
  open: OpenLab,
  signal: AbortSignal,
): Promise<{ readonly lineage: string; readonly look: Look } | LeftOut> {
  const { lab } = open;
  try {
    const look = await lookAtLab(lab, signal);
    return (await changedSince(open)) ?? { lineage: lab.state.lineage, look };
  } catch (error) {
    signal.throwIfAborted();
    return unreadable({ ...context, folder: lab.folder }, lab.name, error);
  }
}

/** Keeps the alert for the next command, and hands it to the program of its lab; what concerns the host, to all of them. */
async function raise(
  { effects, home }: CommandContext,
  alert: Alert,
  settings: ReadonlyMap<string, AlertSettings>,
  queue: boolean,
): Promise<string[]> {
  // A full disk may be what it is about.
  if (queue) await queueAlert(effects, home, alert).catch(() => undefined);
  const concerned = alert.folder === undefined ? [...settings.keys()] : [alert.folder];
  const failures = await Promise.all(
    concerned.map(async (folder) => {
      const command = settings.get(folder)?.command;
      return command === undefined
        ? undefined
        : await runAlertCommand(effects, command, { ...alert, folder });
    }),
  );
  return failures.flatMap((why) =>
    why === undefined ? [] : [`the alert was not handed to alerts.command: ${why}`],
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
