/** `cp --watch`: a line for each thing that was copied, until Ctrl-C. */
import { fail } from "../../engine/diagnostics.ts";
import { keepCopying, type WatchEvent } from "../../engine/operate/copy/keep-copying.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { CopyOptions } from "../commands/cp.ts";
import { type CommandContext, colours } from "../context.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { pad } from "../render/text-width.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { openMachines } from "../workspace.ts";
import { guestEnds, guestText, parsePlaces } from "./places.ts";

export async function watchAndCopy(
  context: CommandContext,
  texts: readonly string[],
  options: CopyOptions,
): Promise<number> {
  const { terminal, effects } = context;
  const { sources, destination } = parsePlaces(context, texts);
  const [from] = sources;
  if (from === undefined || from.at !== "host" || sources.length > 1 || destination.at !== "guest") {
    fail({
      code: "cli/usage",
      summary: "--watch copies one folder of this host into VMs",
      hint: "vmlab cp --watch src web:app",
    });
  }
  if ((await effects.files.stat(from.path))?.kind !== "folder") {
    fail({ code: "cp/no-source", summary: `there is no folder ${from.text}`, hint: "Check the path." });
  }
  const ends = await guestEnds(await openMachines(context), destination, options);
  const width = Math.max(...ends.map(({ vm }) => vm.length));
  terminal.out.write(
    `Copying what changes in ${from.text} to ${ends.map(({ vm }) => guestText(vm, destination)).join(", ")}. Ctrl-C ends.\n`,
  );
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    await keepCopying(effects, {
      from,
      targets: ends.map((end) => ({ ...end, place: destination, several: false })),
      deletes: options.delete === true,
      signal: interrupts.graceful,
      tell: (event) => tell(context, event, width),
    });
  } finally {
    interrupts.release();
  }
  return 0;
}

function tell(context: CommandContext, event: WatchEvent, width: number): void {
  const { out, error } = context.terminal;
  const paint = colours(out);
  const line = (vm: string, text: string): void => {
    const time = new Date(context.effects.clock.now()).toTimeString().slice(0, 8);
    out.write(`${paint.faint(time)}  ${pad(vm, width)}  ${text}\n`);
  };
  switch (event.type) {
    case "copied": {
      const facts = `${formatSize(event.bytes)} in ${formatDuration(event.durationMs)}`;
      line(event.vm, `${namesOf(event.paths)}  ${paint.faint(facts)}`);
      return;
    }
    case "deleted":
      line(event.vm, `${paint.remove("deleted")} ${namesOf(event.paths)}`);
      return;
    case "folder":
      error.write(
        event.there
          ? "The folder is back.\n"
          : "The folder is gone: nothing is copied or deleted until it is back.\n",
      );
      return;
    case "failed":
      void showDiagnostics(event.diagnostics, context);
      error.write(`Trying ${event.vm} again until it works.\n`);
  }
}

const SHOWN = 3;

function namesOf(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).join(", ");
  return paths.length > SHOWN ? `${shown} and ${paths.length - SHOWN} more` : shown;
}
