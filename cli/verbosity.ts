/** `--verbose` and `--log-format`, which every command takes. */
import { type Command, Option } from "commander";
import { tracedProcesses } from "../engine/effects-trace.ts";
import { shellQuote } from "../engine/shell-words.ts";
import { formatDuration } from "../engine/units.ts";
import { type CommandContext, colours } from "./context.ts";
import { OPTION_GROUPS } from "./help-page.ts";
import { jsonErrors, withoutLiveArea } from "./json-errors.ts";
import { printable } from "./render/text-width.ts";

export const LOG_FORMATS: readonly string[] = ["text", "json"];

export interface Verbosity {
  readonly verbose?: boolean;
  readonly logFormat?: "text" | "json";
}

export function addVerbosity(command: Command): Command {
  return command
    .addOption(new Option("-v, --verbose", "tell the programs that are run").helpGroup(OPTION_GROUPS.every))
    .addOption(
      new Option("--log-format <format>", "standard error as text or json")
        .choices(LOG_FORMATS)
        .default("text")
        .helpGroup(OPTION_GROUPS.every),
    );
}

/** Whether a command line asks for JSON, also one that is wrong otherwise: how it is told is settled first. */
export function asksForJson(words: readonly string[]): boolean {
  return words.some(
    (word, index) => word === "--log-format=json" || (word === "--log-format" && words[index + 1] === "json"),
  );
}

export function writeJsonErrors(context: CommandContext): void {
  if (context.terminal.error.record === undefined)
    context.terminal = jsonErrors(context.terminal, () => context.effects.clock.now());
}

/** From here on every program that vmlab runs is told of. */
export function traceProgramsFor(context: CommandContext, verbose: boolean): void {
  const { log, effects } = context;
  if (verbose) {
    log.inDetail();
    if (context.terminal.error.record === undefined) context.terminal = withoutLiveArea(context.terminal);
  }
  if (!verbose && !log.detailed) return;
  const { error } = context.terminal;
  const paint = colours(error);
  const processes = tracedProcesses(effects.processes, effects.clock, (trace) => {
    log.program(trace);
    if (!verbose) return;
    const { argv, durationMs, outcome } = trace;
    if (error.record !== undefined)
      error.record({ level: "debug", type: "program", argv, durationMs: Math.round(durationMs), outcome });
    else {
      const words = printable(argv.map((word) => (word === "…" ? word : shellQuote(word))).join(" "));
      error.write(`${paint.faint(`+ ${words}  (${outcome}, ${formatDuration(durationMs)})`)}\n`);
    }
  });
  context.effects = { ...effects, processes };
}
