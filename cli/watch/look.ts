/** One look at everything that is watched: what counts now, what is new, what is over; alerts are raised here. */

import { type Alert, queueAlert, runAlertCommand } from "../../engine/host/operations/alert.ts";
import type { AlertSettings } from "../../engine/host/operations/alert-settings.ts";
import { findDeaths } from "../../engine/host/operations/current.ts";
import { diskFinding, diskScope } from "../../engine/operate/watch/disk-finding.ts";
import { alertOf, type Finding } from "../../engine/operate/watch/finding.ts";
import type { Compared, KnownFindings } from "../../engine/operate/watch/known-findings.ts";
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
  type WatchedFolders,
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
  { folders, lost }: WatchedFolders,
  options: LookOptions,
): Promise<Looked> {
  const { effects, home } = context;
  const opened = await Promise.all(folders.map((folder) => openWatched(context, folder)));
  const open = opened.flatMap((one) => (one.state === "open" ? [one] : []));
  const alerted = opened.flatMap((one) => ("alerted" in one && one.alerted ? [one.alerted] : []));
  const [disk, ...tried] = await Promise.all([
    effects.host.disk(home.root),
    ...open.map((one) => lookAt(context, one, options.signal)),
  ]);
  const looks = tried.flatMap((one) => ("look" in one ? [one] : []));
  const findings: Finding[] = [
    ...alerted.flatMap((lab) => diskFinding(lab, disk, home) ?? []),
    ...looks.flatMap(({ look }) => look.findings),
  ];
  const scopes = new Set([
    ...alerted.map(({ lineage }) => diskScope(lineage)),
    ...looks.map(({ lineage }) => lineage),
  ]);
  const compared = await options.known.compare(findings, scopes);
  const deaths = await findDeaths(effects, home).catch(() => []);
  const now = effects.clock.now();
  const alerts = [
    ...deaths,
    ...compared.standing.filter(({ fresh }) => fresh).map(({ finding }) => alertOf(finding, now)),
  ];
  const settings = new Map(alerted.map(({ folder, settings }) => [folder, settings]));
  const notes = await Promise.all(alerts.map((alert) => raise(context, alert, settings, options.queue)));
  return {
    ...compared,
    deaths,
    labs: looks.length,
    vms: sum(looks.map(({ look }) => look.vms)),
    images: sum(looks.map(({ look }) => look.images)),
    free: disk.free,
    left: [
      ...lost,
      ...opened.flatMap((one) => (one.state === "busy" || one.state === "unreadable" ? [one] : [])),
      ...tried.flatMap((one): readonly (LeftOut | Part)[] => {
        if (!("look" in one)) return [one];
        return one.part === undefined ? [] : [one.part];
      }),
    ],
    notes: notes.flat(),
  };
}

/** What ends the look at one lab ends that of no other. */
async function lookAt(
  context: CommandContext,
  open: OpenLab,
  signal: AbortSignal,
): Promise<{ readonly lineage: string; readonly look: Look; readonly part: Part | undefined } | LeftOut> {
  const { lab, part } = open;
  try {
    const look = await lookAtLab(lab, signal);
    return (await changedSince(open)) ?? { lineage: lab.state.lineage, look, part };
  } catch (error) {
    signal.throwIfAborted();
    return unreadable({ ...context, folder: lab.folder }, lab.name, error);
  }
}

/** Keeps the alert for the next command, and hands it to the program of its lab; what belongs to no lab, to all of them. */
async function raise(
  { effects, home }: CommandContext,
  alert: Alert,
  settings: ReadonlyMap<string, AlertSettings>,
  queue: boolean,
): Promise<string[]> {
  // A full disk may be what it is about.
  if (queue) await queueAlert(effects, home, forNextCommand(alert)).catch(() => undefined);
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

/** Whoever sits there needs to hear once that the disk is full, however many labs want space. */
function forNextCommand(alert: Alert): Alert {
  if (alert.kind !== "disk-low") return alert;
  const { lab: _lab, folder: _folder, ...ofHost } = alert;
  return ofHost;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
