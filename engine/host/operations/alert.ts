/**
 * What calls for somebody: an operation that failed, died, stalls or takes far longer than expected, and what `vmlab watch`
 * found.
 */
import { join } from "node:path";
import { errorText, systemErrorCode } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { isJsonObject, sha256 } from "../../json.ts";
import { currentFolder } from "./places.ts";
import type { OperationFacts } from "./record.ts";

export type OperationAlertKind = "failed" | "died" | "stalled" | "overrun";

/**
 * A machine that ended without a shutdown, stands still, or cannot be used; a ready.command that fails for long; an image
 * that is damaged or missing; little space on the host's disk.
 */
export type WatchAlertKind =
  | "vm-died"
  | "vm-paused"
  | "vm-broken"
  | "probe-failing"
  | "image-damaged"
  | "disk-low";

export interface Alert {
  readonly kind: OperationAlertKind | WatchAlertKind;
  /** Id of the operation; absent for what watch found. */
  readonly operation?: string;
  /** The resource that watch found something about. */
  readonly address?: string;
  /** `apply of demo`, `vm.web of demo`. */
  readonly subject: string;
  readonly lab?: string;
  /** Absolute folder of the lab. */
  readonly folder?: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** What happened, as a sentence goes on behind the subject: `failed: vm.web did not get ready`. */
  readonly what: string;
  /** The command that tells more, or helps. */
  readonly remedy: string;
}

export function alertAbout(
  record: Pick<OperationFacts, "id" | "kind" | "lab">,
  kind: OperationAlertKind,
  what: string,
  time: number,
): Alert {
  const { id, lab } = record;
  return {
    kind,
    operation: id,
    subject: subjectOf(record),
    ...(lab === undefined ? {} : { lab: lab.name, folder: lab.folder }),
    time,
    what,
    remedy: `vmlab ops show ${id}`,
  };
}

/** `apply of demo`, or `images build` outside of a lab. */
function subjectOf(record: Pick<OperationFacts, "kind" | "lab">): string {
  return record.lab === undefined ? record.kind : `${record.kind} of ${record.lab.name}`;
}

const SUFFIX = ".alert.json";

/** Keeps an alert for the next command to show. A later one of the same kind and about the same takes the place of an
 * earlier. */
export async function queueAlert(effects: Pick<Effects, "files">, home: Home, alert: Alert): Promise<void> {
  await effects.files.makeDir(currentFolder(home));
  await effects.files.write(alertFile(home, alert), `${JSON.stringify(alert)}\n`);
}

/** Takes back alerts about an operation whose end somebody has seen. */
export async function dropAlerts(
  effects: Pick<Effects, "files">,
  home: Home,
  operation: string,
): Promise<void> {
  for (const name of await effects.files.list(currentFolder(home))) {
    if (name.startsWith(`${operation}.`) && name.endsWith(SUFFIX))
      await effects.files.remove(join(currentFolder(home), name));
  }
}

/** The alerts among these names in the folder `current`, oldest first; each is gone from there afterwards. */
export async function takeAlerts(
  effects: Pick<Effects, "files">,
  home: Home,
  names: readonly string[],
): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (const name of names.filter((candidate) => candidate.endsWith(SUFFIX))) {
    const path = join(currentFolder(home), name);
    const text = await effects.files.readText(path).catch(() => "");
    await effects.files.remove(path);
    const alert = parseAlert(text);
    if (alert !== undefined) alerts.push(alert);
  }
  return alerts.sort((a, b) => a.time - b.time);
}

const COMMAND_DEADLINE_MS = 30_000;

/**
 * Hands an alert to the lab's command: as JSON on standard input and in VMLAB_ALERT_* variables. Resolves with why it
 * failed; undefined when it did not.
 */
export async function runAlertCommand(
  effects: Pick<Effects, "processes">,
  command: readonly string[],
  alert: Alert,
): Promise<string | undefined> {
  const [program, ...args] = command;
  if (program === undefined) return undefined;
  const summary = `${alert.subject} ${alert.what}`;
  const { remedy } = alert;
  const told = { ...alert, time: new Date(alert.time).toISOString(), summary };
  try {
    const { code, timedOut, stderr } = await effects.processes.run(program, args, {
      input: `${JSON.stringify(told)}\n`,
      env: {
        VMLAB_ALERT_KIND: alert.kind,
        VMLAB_ALERT_OPERATION: alert.operation ?? "",
        VMLAB_ALERT_ADDRESS: alert.address ?? "",
        VMLAB_ALERT_LAB: alert.lab ?? "",
        VMLAB_ALERT_FOLDER: alert.folder ?? "",
        VMLAB_ALERT_SUMMARY: summary,
        VMLAB_ALERT_REMEDY: remedy,
      },
      ...(alert.folder === undefined ? {} : { cwd: alert.folder }),
      timeoutMs: COMMAND_DEADLINE_MS,
      ownGroup: true,
    });
    if (timedOut) return `${program} took longer than ${COMMAND_DEADLINE_MS / 1000} s`;
    const last = stderr.trim().split("\n").at(-1) ?? "";
    return code === 0 ? undefined : `${program} ended with ${code ?? "a signal"}${last && `: ${last}`}`;
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? `there is no program ${program}` : errorText(error);
  }
}

function alertFile(home: Home, { operation, folder = "", address = "", kind }: Alert): string {
  const about = operation ?? `watch-${sha256(`${folder}\n${address}`).slice(0, 12)}`;
  return join(currentFolder(home), `${about}.${kind}${SUFFIX}`);
}

function parseAlert(text: string): Alert | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const sound =
      isJsonObject(value) &&
      ["kind", "subject", "what", "remedy"].every((field) => typeof value[field] === "string") &&
      typeof value.time === "number";
    return sound ? (value as unknown as Alert) : undefined;
  } catch {
    return undefined;
  }
}
