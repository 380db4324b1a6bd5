/** Events as lines that stay: what a pipe gets, and what a terminal keeps above its live area. */
import type { Event } from "../../engine/events.ts";
import { formatDuration } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import { type DiagnosticLayout, renderDiagnostic } from "./diagnostics.ts";
import { doing, done } from "./operation-words.ts";
import { pad, printable } from "./text-width.ts";

export interface EventLayout {
  readonly palette: Palette;
  readonly diagnostics: DiagnosticLayout;
  /** Width of the address column. */
  readonly addressWidth: number;
}

/** Lines for one event; none for those that only move a live area. Sensitive values never are in events. */
export function eventLines(event: Event, layout: EventLayout): string[] {
  const { palette } = layout;
  switch (event.type) {
    case "run-started":
    case "run-finished":
    case "operation-started":
    case "operation-progress":
      return [];
    case "operation-output":
      return [`${column(event.operation.address, layout)}${palette.faint(`| ${printable(event.line)}`)}`];
    case "operation-finished":
      return [
        `${column(event.operation.address, layout)}${done(event.operation)}  ${palette.faint(formatDuration(event.durationMs))}`,
      ];
    case "operation-failed":
      return [
        `${column(event.operation.address, layout)}${palette.error("failed")} while ${doing(event.operation)}, after ${formatDuration(event.durationMs)}`,
        ...event.diagnostics
          .flatMap((diagnostic) => renderDiagnostic(diagnostic, indented(layout.diagnostics)))
          .map((line) => `  ${line}`),
      ];
    case "operation-skipped":
      return [`${column(event.operation.address, layout)}${palette.update("skipped")}: ${event.because}`];
    case "rolled-back":
      return [
        `${column(event.address, layout)}${palette.update("rolled back")}: the old machine runs again (${event.reason})`,
      ];
    case "recovered":
      return [
        `${column(event.address, layout)}recovered: ${recovery(event.outcome)} an interrupted "${event.intent}"`,
      ];
    case "interrupted":
      return event.running.length === 0 ? [] : [`Waiting for ${event.running.join(", ")}.`];
    case "lock-waiting":
      return [`Waiting for the lock: ${event.holder}.`];
    case "note":
      return [`${event.address === undefined ? "" : column(event.address, layout)}${event.text}`];
    case "diagnostic":
      return renderDiagnostic(event.diagnostic, layout.diagnostics);
  }
}

function indented(layout: DiagnosticLayout): DiagnosticLayout {
  return layout.width === undefined ? layout : { ...layout, width: layout.width - 2 };
}

function recovery(outcome: "finished" | "undone"): string {
  return outcome === "finished" ? "finished" : "undid";
}

function column(address: string, layout: EventLayout): string {
  return `${pad(address, layout.addressWidth)}  `;
}
