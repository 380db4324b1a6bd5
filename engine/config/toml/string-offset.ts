/** Maps a place in a decoded TOML string back to the string as written. */

/** The offset in `literal` (with its quotes) of the character that decodes to index `decoded`. */
export function offsetInString(literal: string, decoded: number): number {
  const quote = literal.startsWith('"""') || literal.startsWith("'''") ? 3 : 1;
  let at = quote;
  // A line break straight after the opening quotes is no part of the string.
  if (quote === 3) {
    if (literal.startsWith("\r\n", at)) at += 2;
    else if (literal[at] === "\n") at += 1;
  }
  const isLiteral = literal[0] === "'";
  let index = 0;
  while (index < decoded && at < literal.length - quote) {
    if (isLiteral || literal[at] !== "\\") {
      // CR LF counts as the one line break that it is read as.
      at += literal.startsWith("\r\n", at) ? 2 : 1;
      index += 1;
      continue;
    }
    const escaped = literal[at + 1];
    if (escaped === "u") {
      at += 6;
      index += 1;
    } else if (escaped === "U") {
      index += Number.parseInt(literal.slice(at + 2, at + 10), 16) > 0xffff ? 2 : 1;
      at += 10;
    } else if (escaped !== undefined && /\s/.test(escaped)) {
      // A line-ending backslash swallows all white space up to the next character.
      at += 1;
      while (/\s/.test(literal[at] ?? "")) at += 1;
    } else {
      at += 2;
      index += 1;
    }
  }
  return at;
}
