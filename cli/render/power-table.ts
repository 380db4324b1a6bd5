/** What came of a power command, one VM a line. */
import type { PowerVerb } from "../../engine/operate/decide-power.ts";
import { formatDuration } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import type { PowerOutcome } from "../power-run.ts";
import { type Cell, type Column, renderTable } from "./table.ts";

const DONE: Readonly<Record<PowerVerb, string>> = {
  start: "started",
  stop: "stopped",
  restart: "restarted",
  pause: "paused",
  resume: "resumed",
  suspend: "suspended",
};
const ALREADY: Readonly<Record<PowerVerb, string>> = { ...DONE, start: "running", resume: "running" };

/** `web is already running.` */
export function nothingToDo(verb: PowerVerb, outcomes: readonly PowerOutcome[]): string {
  const [first] = outcomes;
  if (outcomes.length === 1 && first !== undefined) return `${first.name} is already ${ALREADY[verb]}.`;
  return `All ${outcomes.length} VMs are already ${ALREADY[verb]}.`;
}

/** `lab`: also of which lab each is. */
export function powerTable(
  verb: PowerVerb,
  outcomes: readonly (PowerOutcome & { readonly lab?: string })[],
  layout: { readonly palette: Palette; readonly width: number | undefined },
): string[] {
  const { palette, width } = layout;
  const withLab = outcomes.some(({ lab }) => lab !== undefined);
  const rows = outcomes.map((outcome): Cell[] => [
    ...(withLab ? [outcome.lab ?? ""] : []),
    outcome.name,
    resultCell(verb, outcome, palette),
    outcome.durationMs === undefined ? "" : formatDuration(outcome.durationMs),
    outcome.why ?? "",
  ]);
  const columns: Column[] = [
    ...(withLab ? [{ header: "LAB", overflow: "cut-middle", least: 8 } as const] : []),
    { header: "NAME", overflow: "cut-middle", least: 12 },
    { header: "RESULT" },
    { header: "TIME", align: "right" },
    { header: "WHY", overflow: "wrap", least: 20 },
  ];
  return renderTable(columns, rows, { width, header: palette.faint });
}

function resultCell(verb: PowerVerb, { result }: PowerOutcome, palette: Palette): Cell {
  switch (result) {
    case "done":
      return { text: DONE[verb], paint: palette.good };
    case "already":
      return { text: `already ${ALREADY[verb]}`, paint: palette.good };
    case "skipped":
      return { text: "skipped", paint: palette.update };
    case "failed":
      return { text: "failed", paint: palette.error };
  }
}
