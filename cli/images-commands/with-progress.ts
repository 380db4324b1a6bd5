/** Long work with how far it is on the terminal, which Ctrl-C ends. */
import type { Progress } from "../../engine/events.ts";
import type { CommandContext } from "../context.ts";
import { colours } from "../context.ts";
import { type Interrupts, listenForInterrupts } from "../interrupt.ts";
import { progressBar, progressText } from "../render/operation-words.ts";
import { cutEnd } from "../render/text-width.ts";

export interface WorkContext {
  readonly signal: AbortSignal;
  readonly interrupts: Pick<Interrupts, "graceful" | "hard">;
  readonly progress: (phase: string, progress?: Progress) => void;
}

const REDRAW_MS = 150;
const BAR_WIDTH = 20;

/** Interrupted, it rejects with the interruption, after what `work` clears away. */
export async function withProgress<Result>(
  context: CommandContext,
  options: { readonly json: boolean },
  work: (context: WorkContext) => Promise<Result>,
): Promise<Result> {
  const { terminal } = context;
  const interrupts = listenForInterrupts(terminal, () => {});
  const area = options.json ? undefined : await terminal.liveArea();
  let line = "";
  let told: string | undefined;
  const stop = area === undefined ? () => {} : terminal.every(REDRAW_MS, () => area.show([line]));
  try {
    return await work({
      signal: interrupts.graceful,
      interrupts,
      progress(phase, progress) {
        // To a program a new phase is news, a byte more is not.
        if (phase !== told) terminal.error.record?.({ level: "info", type: "progress", phase });
        told = phase;
        const parts =
          progress === undefined
            ? [phase]
            : [phase, progressBar(progress, BAR_WIDTH), progressText(progress)];
        const text = parts.filter((part) => part !== "").join("  ");
        line = colours(terminal.out).hint(cutEnd(text, terminal.out.columns ?? 80));
      },
    });
  } finally {
    stop();
    area?.close();
    interrupts.release();
  }
}
