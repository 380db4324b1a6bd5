/** `vmlab ops`: what runs, what ended lately; once, or again and again. */
import { nearestName } from "../../engine/config/nearest-name.ts";
import { fail } from "../../engine/diagnostics.ts";
import { isUnderWay } from "../../engine/host/operations/record.ts";
import { findOperation, listOperations } from "../../engine/host/operations/store.ts";
import { type CommandContext, colours } from "../context.ts";
import { listenForInterrupts } from "../interrupt.ts";
import {
  doneText,
  type OperationLayout,
  operationTable,
  phaseText,
  stateText,
  timeText,
} from "./operation-lines.ts";
import { type OperationView, viewJson, viewOf } from "./operation-view.ts";

export interface ListOptions {
  readonly all?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** What ended longer ago is listed with --all only. */
const RECENT_MS = 24 * 3_600_000;
const MOST_RECENT = 20;
const REFRESH_MS = 1000;

export async function listCommand(
  context: CommandContext,
  ids: readonly string[],
  options: ListOptions,
): Promise<number> {
  refuseSlips(ids);
  if (options.watch === true) return await watch(context, ids, options);
  const views = await wantedViews(context, ids, options);
  if (options.json === true) writeJson(context, views, 2);
  else context.terminal.out.write(`${screen(context, views, options).join("\n")}\n`);
  return 0;
}

/** Goes on until nothing runs any more, or Ctrl-C. */
async function watch(context: CommandContext, ids: readonly string[], options: ListOptions): Promise<number> {
  const { effects, terminal } = context;
  const interrupts = listenForInterrupts(terminal, () => {});
  const area = options.json === true ? undefined : await terminal.liveArea();
  const said = new Map<string, string>();
  try {
    for (;;) {
      const views = await wantedViews(context, ids, options);
      if (area !== undefined) area.show(screen(context, views, options));
      else if (options.json === true) sayChanges(context, views, said, (view) => jsonLine(context, view));
      else sayChanges(context, views, said, plainLine);
      const over = !views.some(({ record }) => isUnderWay(record));
      if (over || interrupts.graceful.aborted) {
        area?.close();
        if (area !== undefined) terminal.out.write(`${screen(context, views, options).join("\n")}\n`);
        return 0;
      }
      await effects.clock.sleep(REFRESH_MS, interrupts.graceful).catch(() => undefined);
    }
  } finally {
    interrupts.release();
  }
}

async function wantedViews(
  context: CommandContext,
  ids: readonly string[],
  options: ListOptions,
): Promise<OperationView[]> {
  const { effects, home } = context;
  const records =
    ids.length === 0
      ? await listOperations(effects, home)
      : await Promise.all(ids.map((id) => findOperation(effects, home, id)));
  const views = await Promise.all(records.map((record) => viewOf(context, record)));
  if (ids.length > 0 || options.all === true) return views;
  const since = effects.clock.now() - RECENT_MS;
  const ended = views
    .filter(({ record }) => "ended" in record && record.ended >= since)
    .slice(0, MOST_RECENT);
  return [...views.filter(({ record }) => isUnderWay(record)), ...ended];
}

function screen(context: CommandContext, views: readonly OperationView[], options: ListOptions): string[] {
  const { out } = context.terminal;
  if (views.length === 0) {
    return [
      options.all === true
        ? "No operations are on record."
        : 'Nothing runs, and nothing ended in the last day. "vmlab ops --all" lists what ended before.',
    ];
  }
  const layout: OperationLayout = {
    palette: colours(out),
    width: out.columns,
    now: context.effects.clock.now(),
  };
  return operationTable(views, layout);
}

/** A line for each operation that is other than last time. */
function sayChanges(
  context: CommandContext,
  views: readonly OperationView[],
  said: Map<string, string>,
  lineOf: (view: OperationView) => { readonly line: string; readonly key: string },
): void {
  for (const view of views) {
    const { line, key } = lineOf(view);
    if (said.get(view.record.id) === key) continue;
    said.set(view.record.id, key);
    context.terminal.out.write(`${line}\n`);
  }
}

/** Time passes with every look: that alone makes no line. */
function plainLine(view: OperationView): { readonly line: string; readonly key: string } {
  const { record, standing } = view;
  const [first] = standing?.running ?? [];
  const step = first === undefined ? "" : `${first.address}: ${phaseText(first)}`;
  const lab = record.lab === undefined ? "" : record.lab.name;
  const parts = [record.id, record.kind, lab, stateText(record), doneText(view)];
  const join = (words: readonly string[]): string => words.filter((word) => word !== "").join("  ");
  return { line: join([...parts, timeText(view), step]), key: join([...parts, step]) };
}

function jsonLine(
  context: CommandContext,
  view: OperationView,
): { readonly line: string; readonly key: string } {
  const json = viewJson(view, context.effects.clock.now()) as { readonly [key: string]: unknown };
  const { durationMs: _, timeLeftMs: __, ...lasting } = json;
  return { line: JSON.stringify(json), key: JSON.stringify(lasting) };
}

function writeJson(context: CommandContext, views: readonly OperationView[], indent: number): void {
  const now = context.effects.clock.now();
  context.terminal.out.write(
    `${JSON.stringify(
      views.map((view) => viewJson(view, now)),
      null,
      indent,
    )}\n`,
  );
}

const SUBCOMMANDS = ["list", "show", "logs", "cancel"];

/** `vmlab ops shwo` comes here, as the list is what the group's name alone means. */
function refuseSlips(ids: readonly string[]): void {
  const [word] = ids;
  if (word === undefined || /^(op-)?[0-9a-f]+$/.test(word)) return;
  const nearest = nearestName(word, SUBCOMMANDS);
  fail({
    code: "ops/unknown-operation",
    summary: `"${word}" is neither an operation nor a command of vmlab ops`,
    hint:
      nearest === undefined
        ? '"vmlab ops --help" lists the commands.'
        : `Did you mean "vmlab ops ${nearest}"?`,
  });
}
