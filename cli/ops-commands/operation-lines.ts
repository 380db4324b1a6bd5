/** Operations as lines: a table of one line each, and below those that run what they do now. */
import type { OperationRecord } from "../../engine/host/operations/record.ts";
import type { RunningStep, Standing } from "../../engine/host/operations/standing.ts";
import type { TimeLeft } from "../../engine/host/operations/time-left.ts";
import { formatDuration } from "../../engine/units.ts";
import type { Paint, Palette } from "../palette.ts";
import { doing, progressBar, progressText } from "../render/operation-words.ts";
import { type Cell, renderRows } from "../render/table.ts";
import { cutEnd, cutMiddle, pad, printable, textWidth } from "../render/text-width.ts";
import type { OperationView } from "./operation-view.ts";

export interface OperationLayout {
  readonly palette: Palette;
  readonly width: number | undefined;
  readonly now: number;
}

/** More running steps than this are counted, not listed. */
const MOST_STEPS = 4;
const BAR_WIDTH = 12;
const INDENT = 4;

export function operationTable(views: readonly OperationView[], layout: OperationLayout): string[] {
  const { palette, width } = layout;
  const rows = views.map((view) => row(view, layout));
  const { header, lines } = renderRows(
    [
      { header: "ID" },
      { header: "WHAT" },
      { header: "LAB", overflow: "cut-middle" },
      { header: "STATE" },
      { header: "DONE", align: "right" },
      { header: "STARTED", align: "right" },
      { header: "TIME", overflow: "cut-end" },
    ],
    rows,
    { width, header: palette.faint },
  );
  return [...header, ...lines.flatMap((own, index) => [...own, ...below(views[index], layout)])];
}

/** What an operation is doing: a line for each running step, the oldest first. */
export function stepLines(standing: Standing, layout: OperationLayout, most = MOST_STEPS): string[] {
  const { palette, now } = layout;
  const width = layout.width ?? 100;
  const shown = standing.running.slice(0, most);
  const addressWidth = Math.min(28, Math.max(0, ...shown.map(({ address }) => textWidth(address))));
  const lines = shown.map((step) => {
    const time = elapsed(step, now);
    const address = pad(cutMiddle(step.address, addressWidth), addressWidth);
    const room = width - INDENT - addressWidth - textWidth(time) - 4;
    return `${" ".repeat(INDENT)}${address}  ${palette.hint(cutEnd(stepText(step), Math.max(10, room)))}  ${palette.faint(time)}`;
  });
  const more = standing.running.length - shown.length + standing.more;
  return more === 0 ? lines : [...lines, `${" ".repeat(INDENT)}${palette.faint(`… and ${more} more`)}`];
}

/** `waiting for SSH`, with how far it is. */
function stepText(step: RunningStep): string {
  const { progress } = step;
  const parts = [
    phaseText(step),
    progress === undefined ? "" : progressBar(progress, BAR_WIDTH),
    progress === undefined ? "" : progressText(progress),
  ];
  return parts.filter((part) => part !== "").join("  ");
}

/** `waiting for SSH`. */
export function phaseText(step: RunningStep): string {
  return printable(step.phase ?? doing({ ...step, id: "" }));
}

/** `running`, `stopping`, `failed`, … */
export function stateText(record: OperationRecord): string {
  return record.state === "running" && record.stopping !== undefined ? "stopping" : record.state;
}

export function statePaint(record: OperationRecord, palette: Palette): Paint {
  switch (record.state) {
    case "failed":
    case "died":
      return palette.error;
    case "cancelled":
    case "interrupted":
      return palette.warning;
    case "finished":
      return palette.good;
    default:
      return palette.hint;
  }
}

/** Of an operation under way how long it will still take, as far as that is known; of one that ended how long it took. */
export function timeText({ record, left }: Pick<OperationView, "record" | "left">): string {
  if ("ended" in record) return `took ${formatDuration(record.ended - record.started)}`;
  return left === undefined ? "" : leftText(left);
}

export function leftText(left: TimeLeft): string {
  switch (left.kind) {
    case "known":
      return left.ms < 1000 ? "nearly done" : `~${formatDuration(left.ms)} left`;
    case "unknown":
      return "not known";
    case "overdue":
      return `longer than ~${formatDuration(left.expectedMs)}`;
  }
}

/** `12/40`; only the whole before anything has ended. */
export function doneText({ record, standing }: Pick<OperationView, "record" | "standing">): string {
  if (standing !== undefined && standing.total > 0) return `${standing.ended}/${standing.total}`;
  return record.total === undefined ? "" : `${record.done ?? "?"}/${record.total}`;
}

function row(view: OperationView, { palette, now }: OperationLayout): Cell[] {
  const { record } = view;
  return [
    record.id,
    record.kind,
    record.lab?.name ?? "",
    { text: stateText(record), paint: statePaint(record, palette) },
    doneText(view),
    agoText(now - record.started),
    timeText(view),
  ];
}

function below(view: OperationView | undefined, layout: OperationLayout): string[] {
  if (view === undefined) return [];
  if (view.standing !== undefined) return stepLines(view.standing, layout);
  const { record } = view;
  const [first] = "failures" in record ? record.failures : [];
  if (first === undefined) return [];
  const text = printable(`${first.address === undefined ? "" : `${first.address}: `}${first.summary}`);
  return [`${" ".repeat(INDENT)}${layout.width === undefined ? text : cutEnd(text, layout.width - INDENT)}`];
}

/** `just now`, `5m ago`. */
export function agoText(ms: number): string {
  return ms < 1000 ? "just now" : `${formatDuration(ms)} ago`;
}

/** Whole seconds since its turn came, of which there may be none yet: `0s`. */
function elapsed(step: RunningStep, now: number): string {
  const ms = Math.max(0, Math.floor((now - (step.begun ?? step.since)) / 1000) * 1000);
  const { progress } = step;
  const estimateMs = step.queued === true ? undefined : step.estimateMs;
  const text = ms === 0 ? "0s" : formatDuration(ms);
  return estimateMs === undefined || estimateMs < 1000 || estimateMs <= ms || progress?.etaMs !== undefined
    ? text
    : `${text} of ~${formatDuration(estimateMs)}`;
}
