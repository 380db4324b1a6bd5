/** What a watch tells: lines for people, NDJSON for programs. */
import type { Alert } from "../../engine/host/operations/alert.ts";
import type { Standing } from "../../engine/operate/watch/known-findings.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import { printable, wrapText } from "../render/text-width.ts";
import type { Looked } from "./look.ts";

export interface WatchLayout {
  readonly palette: Palette;
  readonly width: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Of one look, what is new and what is over. */
export function newsLines(looked: Looked, layout: WatchLayout): string[] {
  const { palette, now } = layout;
  const time = palette.faint(timeOf(now));
  const fresh = looked.standing.filter((standing) => standing.fresh);
  return [
    ...looked.deaths.flatMap((alert) => troubleLines(alert, `${time}  `, layout)),
    ...distinct(fresh, textOf).flatMap(({ finding }) => troubleLines(finding, `${time}  `, layout)),
    ...distinct(looked.over, (one) => `${one.subject} ${one.what}`).map(({ subject, what, since }) => {
      const lasted = formatDuration(Math.max(0, now - since));
      return `${time}  ${palette.good("over")} after ${lasted}: ${printable(`${subject} ${what}`)}`;
    }),
  ];
}

/** Of one look, everything that is wrong, or that nothing is, and what was not looked at. */
export function wholeLines(looked: Looked, layout: WatchLayout): string[] {
  const { deaths, vms, images, labs, free } = looked;
  const standing = distinct(looked.standing, textOf);
  const seen = `${count(vms, "VM")} and ${count(images, "image")} of ${count(labs, "lab")}, ${formatSize(free)} free`;
  const unseen = unseenLines(looked, layout);
  if (standing.length + deaths.length === 0)
    return unseen.length === 0 ? [`All is well: ${seen}.`] : [`Nothing wrong was found: ${seen}.`, ...unseen];
  return [
    ...deaths.flatMap((alert) => troubleLines(alert, "", layout)),
    ...standing.flatMap(({ finding, since }) => troubleLines(finding, "", layout, lastingFor(since, layout))),
    "",
    `${count(standing.length + deaths.length, "problem")} among ${seen}.`,
    ...unseen,
  ];
}

/** Why stands on standard error. */
function unseenLines({ left }: Looked, { width }: WatchLayout): string[] {
  const names = (part: boolean): string =>
    left.flatMap(({ state, name }) => ((state === "part") === part ? [printable(name)] : [])).join(", ");
  return [
    ["Not looked at", names(false)],
    ["Looked at in part", names(true)],
  ].flatMap(([what, which]) => (which === "" ? [] : wrapText(`${what}: ${which}.`, width)));
}

/** One line each; times in ISO 8601, `since` when it was first seen. */
export function findingJson(
  { finding, since, fresh }: Standing,
  now: number,
  state: "new" | "there" = fresh ? "new" : "there",
): string {
  const { kind, address, lab, subject, what, remedy } = finding;
  return line(now, {
    type: "finding",
    state,
    kind,
    address: address === "" ? null : address,
    lab: lab?.name ?? null,
    folder: lab?.folder ?? null,
    since: new Date(since).toISOString(),
    summary: `${subject} ${what}`,
    remedy,
  });
}

export function deathJson(
  { kind, operation, lab, folder, time, subject, what, remedy }: Alert,
  now: number,
): string {
  return line(now, {
    type: "finding",
    state: "new",
    kind: `operation-${kind}`,
    operation: operation ?? null,
    lab: lab ?? null,
    folder: folder ?? null,
    since: new Date(time).toISOString(),
    summary: `${subject} ${what}`,
    remedy,
  });
}

export function overJson({ subject, what, since }: Looked["over"][number], now: number): string {
  return line(now, {
    type: "over",
    since: new Date(since).toISOString(),
    summary: `${subject} ${what}`,
  });
}

export function lookedJson({ standing, labs, vms, images, free, left }: Looked, now: number): string {
  return line(now, {
    type: "looked",
    findings: standing.length,
    labs,
    vms,
    images,
    free,
    left_out: left.flatMap(({ state, name }) => (state === "part" ? [] : [name])),
    in_part: left.flatMap(({ state, name }) => (state === "part" ? [name] : [])),
  });
}

function troubleLines(
  { subject, what, remedy }: Pick<Alert, "subject" | "what" | "remedy">,
  head: string,
  { palette, width }: WatchLayout,
  tail = "",
): string[] {
  const text = printable(what).replaceAll(/\s+/g, " ");
  const [first = "", ...rest] = wrapText(
    `${printable(subject)} ${text}${tail}`,
    width && width - (head === "" ? 0 : 10),
  );
  const indent = head === "" ? "  " : "          ";
  return [
    `${head}${first.replace(printable(subject), palette.warning(printable(subject)))}`,
    ...rest.map((more) => `${indent}${more}`),
    `${indent}${palette.faint(`→ ${remedy}`)}`,
  ];
}

/** What concerns the host is found for each of several labs. */
function distinct<T>(all: readonly T[], text: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [text(one), one])).values()];
}

function textOf({ finding: { subject, what } }: Standing): string {
  return `${subject} ${what}`;
}

function lastingFor(since: number, { now }: WatchLayout): string {
  const ms = now - since;
  return ms < 1000 ? "" : ` (for ${formatDuration(ms)})`;
}

function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}

/** Of the local day, as everybody reads it who looks at a terminal. */
function timeOf(now: number): string {
  return new Date(now).toTimeString().slice(0, 8);
}

function line(now: number, fields: object): string {
  return `${JSON.stringify({ time: new Date(now).toISOString(), ...fields })}\n`;
}
