/** `vmlab ops show ID`: everything that is known about one operation. */
import type { OperationRecord } from "../../engine/host/operations/record.ts";
import { findOperation } from "../../engine/host/operations/store.ts";
import type { TimeLeft } from "../../engine/host/operations/time-left.ts";
import { formatDuration } from "../../engine/units.ts";
import { type CommandContext, colours } from "../context.ts";
import { renderDiagnostic } from "../render/diagnostics.ts";
import { printable, wrapText } from "../render/text-width.ts";
import { plainDiagnosticLayout } from "../show-diagnostics.ts";
import { agoText, doneText, leftText, statePaint, stateText, stepLines } from "./operation-lines.ts";
import { type OperationView, viewJson, viewOf } from "./operation-view.ts";

export async function showCommand(
  context: CommandContext,
  id: string,
  options: { readonly json?: boolean },
): Promise<number> {
  const { effects, home, terminal } = context;
  const view = await viewOf(context, await findOperation(effects, home, id));
  const now = effects.clock.now();
  if (options.json === true) terminal.out.write(`${JSON.stringify(viewJson(view, now), null, 2)}\n`);
  else terminal.out.write(`${lines(context, view, now).join("\n")}\n`);
  return 0;
}

function lines(context: CommandContext, view: OperationView, now: number): string[] {
  const { record, standing, left } = view;
  const { out } = context.terminal;
  const palette = colours(out);
  const facts: [string, string][] = [
    ["State", `${statePaint(record, palette)(stateText(record))}${exitText(record)}`],
    ["Lab", record.lab === undefined ? "" : `${record.lab.name} (${record.lab.folder})`],
    ["Command", ["vmlab", ...record.command].map(quoted).join(" ")],
    ["Started", `${timeText(record.started)}, ${agoText(now - record.started)}`],
    ["Ended", endText(record)],
    ["Process", processText(record)],
    ["Expected", record.estimateMs === undefined ? "" : `about ${formatDuration(record.estimateMs)}`],
    ["Done", doneText(view) === "" ? "" : `${doneText(view)} operations`],
    ["Changes", countsText(record)],
    ["Time left", left === undefined ? "" : leftSentence(left)],
  ];
  const shown = facts.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  const layout = { palette, width: out.columns, now };
  return [
    palette.strong(record.id),
    ...shown.map(([name, value]) => `  ${palette.faint(name.padEnd(width))}  ${value}`),
    ...(standing === undefined || standing.running.length === 0
      ? []
      : ["", "Now:", ...stepLines(standing, layout, standing.running.length)]),
    ...failureLines(context, record),
    ...(record.alerts.length === 0 ? [] : ["", "Alerts:"]),
    ...record.alerts.flatMap(({ time, what }) => [
      `  ${timeText(time)}`,
      ...wrapText(printable(what), out.isTTY ? (out.columns ?? 80) - 4 : undefined).map(
        (line) => `    ${line}`,
      ),
    ]),
    "",
    ...nextSteps(record),
  ];
}

function failureLines(context: CommandContext, record: OperationRecord): string[] {
  const failures = "failures" in record ? record.failures : [];
  if (failures.length === 0) return [];
  const { width, ...layout } = plainDiagnosticLayout(context);
  const narrower = { ...layout, width: width === undefined ? undefined : width - 2 };
  return [
    "",
    "Failures:",
    ...failures.flatMap((failure) => renderDiagnostic(failure, narrower)).map(indented),
  ];
}

function indented(line: string): string {
  return line === "" ? "" : `  ${line}`;
}

function exitText(record: OperationRecord): string {
  return "exitCode" in record && record.exitCode !== undefined && record.exitCode !== 0
    ? ` (exit code ${record.exitCode})`
    : "";
}

function endText(record: OperationRecord): string {
  if (!("ended" in record)) return "";
  const took = formatDuration(record.ended - record.started);
  return record.state === "died"
    ? `nobody knows when; last heard of at ${timeText(record.ended)}, after ${took}`
    : `${timeText(record.ended)}, after ${took}`;
}

function processText(record: OperationRecord): string {
  const { pid, hostName } = record.process;
  return `pid ${pid} on ${hostName}${record.detached ? ", in the background" : ""}`;
}

function countsText(record: OperationRecord): string {
  if (!("counts" in record) || record.counts === undefined) return "";
  const parts = Object.entries(record.counts).flatMap(([name, count]) =>
    count === 0 ? [] : [`${count} ${name}`],
  );
  return parts.length === 0 ? "none" : parts.join(", ");
}

function leftSentence(left: TimeLeft): string {
  switch (left.kind) {
    case "known":
      return leftText(left).replace(/ left$/, "");
    case "unknown":
      return "not known: nothing is recorded of how long this takes";
    case "overdue":
      return `not known: it takes longer than the expected ${formatDuration(left.expectedMs)} already`;
  }
}

/** UTC, as everywhere in vmlab. */
function timeText(time: number): string {
  const iso = new Date(time).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** As a shell would take it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function nextSteps(record: OperationRecord): string[] {
  const logs = `"vmlab ops logs ${record.id}" tells what it did.`;
  const again = record.lab === undefined ? "" : `vmlab -C ${quoted(record.lab.folder)} ${record.kind}`;
  switch (record.state) {
    case "starting":
    case "running":
      return [`"vmlab ops logs ${record.id} -f" follows it, "vmlab ops cancel ${record.id}" stops it.`];
    case "finished":
      return [logs];
    default:
      return again === "" || !["apply", "destroy"].includes(record.kind)
        ? [logs]
        : [logs, `"${again}" goes on where it stopped.`];
  }
}
