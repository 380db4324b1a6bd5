// Markdown as text: lines of at most 120 columns.

const WIDTH = 120;

/**
 * Breaks text between words; code in backticks stays whole.
 *
 * @param {string} text
 * @param {string} [indent] of the lines after the first
 */
export function wrap(text, indent = "") {
  const words = text.match(/(?:`[^`]*`|[^\s`])+/g) ?? [];
  /** @type {string[]} */
  const lines = [];
  let line = "";
  for (const word of words) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= WIDTH) line += ` ${word}`;
    else {
      // A line that begins with these would be a list or a heading: the word before comes along.
      const before = /^([-+*#]|\d+[.)])$/.test(word) ? line.slice(line.lastIndexOf(" ") + 1) : "";
      lines.push(before === "" ? line : line.slice(0, -before.length - 1));
      line = indent + (before === "" ? word : `${before} ${word}`);
    }
  }
  return [...lines, line].join("\n");
}

/**
 * One item of a list.
 *
 * @param {string} text
 */
export function item(text) {
  return wrap(`- ${text}`, "  ");
}
