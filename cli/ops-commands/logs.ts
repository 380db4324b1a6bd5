/** `vmlab ops logs ID`: what an operation did and does, as the terminal that started it would show it. */
import { placesOf } from "../../engine/host/operations/places.ts";
import { EventReader, type RecordedEvent } from "../../engine/host/operations/read-events.ts";
import { isUnderWay, type OperationRecord } from "../../engine/host/operations/record.ts";
import { findOperation, readOperation } from "../../engine/host/operations/store.ts";
import { formatDuration } from "../../engine/units.ts";
import { type CommandContext, colours } from "../context.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { eventJson } from "../render/event-json.ts";
import { PlainRun } from "../render/plain-run.ts";
import { plainDiagnosticLayout } from "../show-diagnostics.ts";
import { statePaint, stateText } from "./operation-lines.ts";
import { viewOf } from "./operation-view.ts";

const LOOK_MS = 300;
const WIDEST_ADDRESS = 36;

export async function logsCommand(
  context: CommandContext,
  given: string,
  options: { readonly follow?: boolean; readonly json?: boolean },
): Promise<number> {
  const { effects, home, terminal } = context;
  const { id } = await findOperation(effects, home, given);
  const places = placesOf(home, id);
  const reader = new EventReader(effects.files, places);
  const print = options.json === true ? jsonPrinter(context) : humanPrinter(context);
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    for (;;) {
      // Looked at before the events: what came before the end is read then.
      const record = await current(context, id);
      const events = await reader.next();
      for (const event of events) print(event);
      if (record === undefined) return 0;
      if (options.follow !== true || !isUnderWay(record)) {
        if (options.json !== true) await printEnd(context, record);
        return 0;
      }
      if (interrupts.graceful.aborted) return 0;
      await effects.clock.sleep(LOOK_MS, interrupts.graceful).catch(() => undefined);
      if (interrupts.graceful.aborted) return 0;
    }
  } finally {
    interrupts.release();
  }
}

async function current(context: CommandContext, id: string): Promise<OperationRecord | undefined> {
  const record = await readOperation(context.effects, context.home, id);
  return record === undefined ? undefined : (await viewOf(context, record)).record;
}

function jsonPrinter(context: CommandContext): (recorded: RecordedEvent) => void {
  return ({ time, event }) => context.terminal.out.write(eventJson(event, time));
}

function humanPrinter(context: CommandContext): (recorded: RecordedEvent) => void {
  const { out } = context.terminal;
  let addressWidth = 12;
  const plain = new PlainRun({
    write: (text) => out.write(text),
    layout: () => ({
      palette: colours(out),
      diagnostics: plainDiagnosticLayout(context),
      addressWidth,
    }),
  });
  return ({ event }) => {
    if ("operation" in event)
      addressWidth = Math.min(WIDEST_ADDRESS, Math.max(addressWidth, event.operation.address.length));
    plain.take(event);
  };
}

/** How it ended; and, of a background process that ended badly, what it printed besides. */
async function printEnd(context: CommandContext, record: OperationRecord): Promise<void> {
  const { effects, home, terminal } = context;
  const { out } = terminal;
  if (record.detached && record.state !== "finished") {
    const printed = await effects.files.readText(placesOf(home, record.id).output).catch(() => "");
    if (printed.trim() !== "") out.write(`${printed.trimEnd()}\n`);
  }
  const state = statePaint(record, colours(out))(stateText(record));
  const time =
    "ended" in record
      ? ` after ${formatDuration(record.ended - record.started)}`
      : `, "vmlab ops logs ${record.id} -f" follows it`;
  out.write(`\n${record.id} (${record.kind}): ${state}${time}.\n`);
}
