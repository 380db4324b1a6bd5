/** `vmlab logs --self`: what vmlab itself did, of every command on this host. */
import { LogFollower, readLog } from "../engine/host/command-log.ts";
import { isJsonObject, type JsonObject } from "../engine/json.ts";
import { shellQuote } from "../engine/shell-words.ts";
import { formatDuration } from "../engine/units.ts";
import { type CommandContext, colours } from "./context.ts";
import { listenForInterrupts } from "./interrupt.ts";
import type { Palette } from "./palette.ts";
import { printable } from "./render/text-width.ts";

const FOLLOW_EVERY_MS = 300;

export interface SelfLogOptions {
  /** Commands, or other lines, at most. */
  readonly lines: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export async function showSelfLog(context: CommandContext, options: SelfLogOptions): Promise<number> {
  const { effects, home, terminal } = context;
  const palette = colours(terminal.out);
  const write = (lines: readonly JsonObject[]): void => {
    for (const line of lines) {
      const text = options.json === true ? JSON.stringify(line) : textOf(line, palette);
      terminal.out.write(`${text}\n`);
    }
  };
  const follower = new LogFollower(effects, home);
  // Where it begins to follow is settled before the rest is read: a line twice is better than one lost.
  if (options.follow === true) await follower.next();
  write((await readLog(effects, home)).slice(-options.lines));
  if (options.follow !== true) return 0;
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    while (!interrupts.graceful.aborted) {
      await effects.clock.sleep(FOLLOW_EVERY_MS, interrupts.graceful).catch(() => undefined);
      write(await follower.next());
    }
  } finally {
    interrupts.release();
  }
  return 0;
}

/** `2026-11-23 10:05:09  vmlab apply --yes  exit 1 after 12s  in /home/anna/lab`, and below what the user was told. */
function textOf(line: JsonObject, palette: Palette): string {
  const { time, type, durationMs } = line;
  const head = palette.faint(`${String(time).slice(0, 19).replace("T", " ")}  `);
  const took = typeof durationMs === "number" ? formatDuration(durationMs) : "";
  switch (type) {
    case "command": {
      const ended = line.exitCode === 0 ? palette.good("ok") : palette.error(`exit ${String(line.exitCode)}`);
      const first = `${head}vmlab ${words(line.argv)}  ${ended} after ${took}  ${palette.faint(`in ${String(line.folder)}`)}`;
      const told = Array.isArray(line.diagnostics) ? line.diagnostics.filter(isJsonObject) : [];
      return [
        first,
        ...told.map(
          ({ summary, code }) =>
            `${" ".repeat(21)}${typeof summary === "string" ? `${printable(summary)} ` : ""}[${String(code)}]`,
        ),
      ].join("\n");
    }
    case "program":
      return `${head}${palette.faint("+")} ${words(line.argv)}  ${palette.faint(`(${String(line.outcome)}, ${took})`)}`;
    case "event":
      return `${head}${palette.faint(JSON.stringify(line.event))}`;
    default:
      return `${head}${palette.faint(JSON.stringify(line))}`;
  }
}

function words(argv: JsonObject[string] | undefined): string {
  const list = Array.isArray(argv) ? argv.map(String) : [];
  return printable(list.map((word) => (/[…=]/.test(word) ? word : shellQuote(word))).join(" "));
}
