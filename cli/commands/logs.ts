import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { instanceOf } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { positiveInteger } from "../plan-arguments.ts";
import { printable } from "../render/text-width.ts";
import { openMachines } from "../workspace.ts";

interface LogsOptions {
  readonly lines: number;
  readonly follow?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "logs", {
    summary: "Show a VM's serial console log",
    description:
      "The log holds what the guest wrote to its console, also before the last restart. Escape sequences are left out.",
    examples: [
      { command: "vmlab logs web", text: "the last 100 lines" },
      { command: "vmlab logs web -n 1000 | less", text: "more" },
      { command: "vmlab logs web -f", text: "follow; Ctrl-C ends" },
    ],
  })
    .argument("<vm>", "name of the VM")
    .option("-n, --lines <n>", "how many lines", positiveInteger, 100)
    .option("-f, --follow", "go on as the guest writes")
    .action(async (name: string, options: LogsOptions) => {
      context.exitCode = await logs(context, name, options);
    });
}

const FOLLOW_EVERY_MS = 300;
/** Lines asked for on each look while following: far more than a guest writes in between. */
const FOLLOW_LINES = 2000;

async function logs(context: CommandContext, name: string, options: LogsOptions): Promise<number> {
  const { effects, terminal } = context;
  const { state, providers } = await openMachines(context);
  const id = instanceOf(chosenVm(state, name));
  const write = (lines: readonly string[]): void => {
    if (lines.length > 0) terminal.out.write(`${lines.map(printable).join("\n")}\n`);
  };
  let seen = await providers.vm.consoleLog(
    id,
    options.follow === true ? Math.max(options.lines, FOLLOW_LINES) : options.lines,
  );
  write(seen.slice(-options.lines));
  if (options.follow !== true) return 0;
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    while (!interrupts.graceful.aborted) {
      await effects.clock.sleep(FOLLOW_EVERY_MS, interrupts.graceful).catch(() => undefined);
      const now = await providers.vm.consoleLog(id, FOLLOW_LINES);
      write(newLines(seen, now));
      seen = now;
    }
  } finally {
    interrupts.release();
  }
  return 0;
}

/** What `after` has behind the longest end of `before` that it begins with: the windows overlap unless all is new. */
export function newLines(before: readonly string[], after: readonly string[]): readonly string[] {
  for (let skipped = 0; skipped < before.length; skipped++) {
    const overlap = before.length - skipped;
    if (overlap <= after.length && startsWith(after, before, skipped)) return after.slice(overlap);
  }
  return after;
}

function startsWith(after: readonly string[], before: readonly string[], from: number): boolean {
  for (let index = from; index < before.length; index++) {
    if (before[index] !== after[index - from]) return false;
  }
  return true;
}
