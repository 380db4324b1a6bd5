/** What every command works with. */
import type { Effects } from "../engine/effects.ts";
import type { Home } from "../engine/home.ts";
import type { OperationRecord } from "../engine/host/operations/record.ts";
import type { CommandLog } from "./command-log.ts";
import { type Palette, palette } from "./palette.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

/** The outside of one invocation of vmlab; tests hand in their own. */
export interface Outside {
  readonly effects: Effects;
  readonly terminal: Terminal;
  /** How this vmlab was started: the program and its arguments before the command line's own. */
  readonly program?: readonly string[];
}

export interface CommandContext extends Outside {
  /** Both are replaced before a command runs, as --verbose and --log-format ask. */
  effects: Effects;
  terminal: Terminal;
  /** What this command leaves in the log of commands. */
  readonly log: CommandLog;
  readonly home: Home;
  /** Version of vmlab. */
  readonly tool: string;
  /** The whole command line behind `vmlab`. */
  readonly argv?: readonly string[];
  /** The operation that this process carries out for another that started it in the background. */
  readonly operation?: OperationRecord;
  /** What stood behind `--` on the command line, for the guest; undefined without `--`. */
  readonly guestCommand: readonly string[] | undefined;
  /** Absolute folder of the lab: where vmlab was started, or what `-C` names. Set before a command runs. */
  folder: string;
  /** What the process ends with. */
  exitCode: number;
}

/** The colours of a stream. */
export function colours(stream: OutputStream): Palette {
  return palette(stream.colour);
}
