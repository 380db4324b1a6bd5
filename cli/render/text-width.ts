/** Cutting and wrapping of plain text (without colours) to a width in characters. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOURS = /\u001b\[[0-9;]*m/g;

/** Characters that a text takes on a line, colours aside. Everything vmlab prints is one column a character. */
export function textWidth(text: string): number {
  let width = 0;
  for (const _ of text.includes("\u001b") ? text.replace(COLOURS, "") : text) width += 1;
  return width;
}

/** Cuts the end away: `a long na…`. */
export function cutEnd(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return `${[...text].slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** Cuts the middle away, for names whose end tells them apart: `vm.a-very-lo…ker-12`. */
export function cutMiddle(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const kept = Math.max(0, width - 1);
  const end = Math.floor(kept / 2);
  return `${characters.slice(0, kept - end).join("")}…${end === 0 ? "" : characters.slice(-end).join("")}`;
}

/** Breaks a line between words; a word longer than the width stays whole. */
export function wrapLine(line: string, width: number): string[] {
  if (textWidth(line) <= width) return [line];
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current === "") current = word;
    else if (textWidth(current) + 1 + textWidth(word) <= width) current += ` ${word}`;
    else {
      lines.push(current);
      current = word;
    }
  }
  lines.push(current);
  return lines;
}

/** Wraps prose; lines that begin with white space are evidence (logs, listings) and stay as they are. */
export function wrapText(text: string, width: number | undefined): string[] {
  const lines = text.split("\n");
  if (width === undefined) return lines;
  return lines.flatMap((line) => (/^\s/.test(line) ? [line] : wrapLine(line, Math.max(20, width))));
}

export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "left" ? text + space : space + text;
}

/** Makes what a guest or builder wrote safe to print: no escape sequences, no control characters. */
export function printable(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
      .replace(/\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)?|[@-Z\\-_])/g, "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "")
  );
}
