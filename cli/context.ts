/** What every command works with. */
import type { Effects } from "../engine/effects.ts";
import type { Home } from "../engine/home.ts";
import { type Palette, palette } from "./palette.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

/** The outside of one invocation of vmlab; tests hand in their own. */
export interface Outside {
  readonly effects: Effects;
  readonly terminal: Terminal;
}

export interface CommandContext extends Outside {
  readonly home: Home;
  /** Version of vmlab. */
  readonly tool: string;
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
