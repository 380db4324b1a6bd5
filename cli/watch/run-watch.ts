/** `vmlab watch`: looks once, or again and again until Ctrl-C. */
import type { Diagnostic } from "../../engine/diagnostics.ts";
import { KnownFindings } from "../../engine/operate/watch/known-findings.ts";
import type { CommandContext } from "../context.ts";
import { colours } from "../context.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { printable } from "../render/text-width.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { type Looked, look } from "./look.ts";
import {
  deathJson,
  findingJson,
  lookedJson,
  newsLines,
  overJson,
  type WatchLayout,
  wholeLines,
} from "./watch-lines.ts";
import { watchedFolders } from "./watched-labs.ts";

export interface WatchOptions {
  readonly interval: number;
  readonly once?: boolean;
  readonly allLabs?: boolean;
  readonly json?: boolean;
}

/** Something is wrong; 1 means that it could not be looked at. */
const FOUND = 2;

/** Resolves with the exit code. */
export async function watchCommand(context: CommandContext, options: WatchOptions): Promise<number> {
  const { terminal, effects } = context;
  const interrupts = listenForInterrupts(terminal, () => {});
  // Who sits before the screen sees it there.
  const known = new KnownFindings(effects, context.home);
  const lookOptions = { queue: !terminal.out.isTTY, signal: interrupts.graceful, known };
  const allLabs = options.allLabs === true;
  const told = new Set<string>();
  try {
    if (options.once === true) {
      const looked = await look(context, await watchedFolders(context, allLabs), lookOptions);
      await tellLeftOut(context, looked, told);
      return tellOnce(context, looked, options);
    }
    const { folders } = await watchedFolders(context, allLabs);
    if (options.json !== true) terminal.out.write(opening(folders.length, allLabs, options.interval));
    while (!interrupts.graceful.aborted) {
      // Labs come and go.
      const looked = await look(context, await watchedFolders(context, allLabs), lookOptions);
      await tellLeftOut(context, looked, told);
      tellNews(context, looked, options);
      await effects.clock.sleep(options.interval, interrupts.graceful).catch(() => undefined);
    }
    return 0;
  } catch (error) {
    if (interrupts.graceful.aborted) return 0;
    throw error;
  } finally {
    interrupts.release();
  }
}

function opening(labs: number, allLabs: boolean, intervalMs: number): string {
  const what = allLabs ? `the ${labs} labs of this host` : "this lab";
  return `Watching ${labs === 1 && allLabs ? "the one lab of this host" : what}, every ${intervalMs / 1000} s. Ctrl-C ends.\n`;
}

function tellOnce(context: CommandContext, looked: Looked, options: WatchOptions): number {
  const { out } = context.terminal;
  const now = context.effects.clock.now();
  if (options.json === true) {
    for (const death of looked.deaths) out.write(deathJson(death, now));
    for (const standing of looked.standing) out.write(findingJson(standing, now));
    out.write(lookedJson(looked, now));
  } else out.write(`${wholeLines(looked, layoutOf(context)).join("\n")}\n`);
  if (looked.standing.length + looked.deaths.length > 0) return FOUND;
  return looked.left.some(({ state }) => state === "unreadable") ? 1 : 0;
}

function tellNews(context: CommandContext, looked: Looked, options: WatchOptions): void {
  const { out } = context.terminal;
  const now = context.effects.clock.now();
  if (options.json === true) {
    for (const death of looked.deaths) out.write(deathJson(death, now));
    for (const standing of looked.standing) if (standing.fresh) out.write(findingJson(standing, now));
    for (const over of looked.over) out.write(overJson(over, now));
    return;
  }
  for (const line of newsLines(looked, layoutOf(context))) out.write(`${line}\n`);
}

/** Of each lab that is not looked at, and of each alert that nobody took, once. */
async function tellLeftOut(context: CommandContext, looked: Looked, told: Set<string>): Promise<void> {
  for (const note of looked.notes) context.terminal.error.write(`Note: ${note}\n`);
  const now = new Set<string>();
  for (const one of looked.left) {
    const text = leftText(one);
    now.add(text);
    if (told.has(text)) continue;
    if (one.state !== "unreadable") context.terminal.error.write(`Note: ${printable(text)}\n`);
    else await showDiagnostics(named(one), { ...context, folder: one.folder });
  }
  told.clear();
  for (const text of now) told.add(text);
}

function leftText(one: Looked["left"][number]): string {
  switch (one.state) {
    case "busy":
      return `${one.name} is not looked at: ${one.why}`;
    case "part":
      return `${one.name} is looked at in part, ${one.why}`;
    case "unreadable":
      return `${one.name} is not looked at: ${one.diagnostics.map(({ summary }) => summary).join("; ")}`;
  }
}

/** Of several labs it has to be said which one it is. */
function named({
  name,
  diagnostics,
}: Extract<Looked["left"][number], { state: "unreadable" }>): readonly Diagnostic[] {
  return diagnostics.map((one) => ({ ...one, summary: `${name} is not looked at: ${one.summary}` }));
}

function layoutOf(context: CommandContext): WatchLayout {
  const { out } = context.terminal;
  return { palette: colours(out), width: out.columns, now: context.effects.clock.now() };
}
