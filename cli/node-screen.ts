/** The whole of a terminal, as a pager has it: what was there before comes back. */
import type { WriteStream } from "node:tty";
import type { Screen, ScreenSize } from "./terminal.ts";

// xterm's alternate screen, which every terminal since knows; ECMA-48 for the rest.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export function nodeScreen(stream: WriteStream): Screen {
  let draw: (size: ScreenSize) => readonly string[] = () => [];
  const redraw = (): void => {
    const { columns, rows } = stream;
    const lines = draw({ columns, rows }).slice(0, rows);
    // Line by line, as clearing everything first would flicker; and never behind a line: one that is as long as the
    // terminal is wide would lose its last character.
    const text = lines.map((line) => CLEAR_LINE + line).join("\r\n");
    stream.write(`${HOME}${text}${lines.length < rows ? `\r\n${CLEAR_BELOW}` : ""}`);
  };
  stream.write(ENTER);
  stream.on("resize", redraw);
  return {
    show(next) {
      draw = next;
      redraw();
    },
    close() {
      stream.off("resize", redraw);
      stream.write(LEAVE);
    },
  };
}
