/** Where the events of a run go: a live area on a terminal, lines in a pipe, NDJSON with --json. */
import type { Event, EventSink } from "../engine/events.ts";
import type { CommandLog } from "./command-log.ts";
import { type CommandContext, colours } from "./context.ts";
import { eventJson } from "./render/event-json.ts";
import type { EventLayout } from "./render/event-lines.ts";
import { LiveRun } from "./render/live-run.ts";
import { PlainRun } from "./render/plain-run.ts";
import { plainDiagnosticLayout } from "./show-diagnostics.ts";

export interface RunReporter {
  readonly events: EventSink;
  /** Sets the width of the address column for the resources to come. */
  widen(addresses: Iterable<string>): void;
  /** Prints a line in its place among the events; dropped in NDJSON. */
  say(line: string): void;
  /** Starts the live area. Before that, and after `close`, lines are simply printed. */
  open(): Promise<void>;
  close(): void;
}

/** For a process in the background: what happens stands in its record. */
export function quietReporter(context: CommandContext): RunReporter {
  return {
    events: () => {},
    widen: () => {},
    say: (line) => context.terminal.error.write(`${line}\n`),
    open: async () => {},
    close: () => {},
  };
}

const REDRAW_MS = 150;
const WIDEST_ADDRESS = 36;

/** `lab`: told with each event of NDJSON, where several labs are worked on. */
export function runReporter(
  context: CommandContext,
  options: { readonly json: boolean; readonly lab?: string },
): RunReporter {
  const { terminal, effects, log } = context;
  const noScreen = { widen: () => {}, open: async () => {}, close: () => {} };
  if (options.json) {
    const events = (event: Event): void =>
      terminal.out.write(eventJson(event, effects.clock.now(), options.lab));
    return { ...noScreen, events: kept(log, events), say: () => {} };
  }
  const { record } = terminal.error;
  if (record !== undefined) {
    const events = (event: Event): void => record({ level: levelOf(event), ...event });
    return { ...noScreen, events: kept(log, events), say: (text) => events({ type: "note", text }) };
  }
  let addressWidth = 12;
  const layout = (): EventLayout => ({
    palette: colours(terminal.out),
    diagnostics: plainDiagnosticLayout(context),
    addressWidth,
  });
  const plain = new PlainRun({ write: (text) => terminal.out.write(text), layout });
  let live: LiveRun | undefined;
  let stopTimer = (): void => {};
  return {
    events: kept(log, (event) => (live ?? plain).take(event)),
    widen(addresses) {
      for (const address of addresses)
        addressWidth = Math.min(WIDEST_ADDRESS, Math.max(addressWidth, address.length));
    },
    say: (line) => (live ?? plain).take({ type: "note", text: line }),
    async open() {
      const area = await terminal.liveArea();
      if (area === undefined) return;
      live = new LiveRun({
        area,
        layout,
        width: () => terminal.out.columns ?? 80,
        now: () => effects.clock.now(),
      });
      stopTimer = terminal.every(REDRAW_MS, () => live?.draw());
    },
    close() {
      stopTimer();
      live?.close();
      live = undefined;
    },
  };
}

/** Events go to the log of commands too, when that is to have them. */
function kept(log: CommandLog, events: EventSink): EventSink {
  return (event) => {
    log.event(event);
    events(event);
  };
}

function levelOf(event: Event): "error" | "warning" | "info" {
  if (event.type === "operation-failed") return "error";
  return event.type === "diagnostic" ? event.diagnostic.severity : "info";
}
