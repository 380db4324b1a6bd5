// docs/troubleshooting.md: its entries are written by hand below an index that is made from them.

import { item } from "./markdown.mjs";

const INDEX = /(<!-- index: npm run docs -->\n)[\s\S]*?(<!-- end of index -->)/;

/** @typedef {{ readonly section: string, readonly code: string, readonly text: string }} Entry */

/**
 * @param {string} page
 * @returns {Entry[]}
 */
export function entriesOf(page) {
  return page.split(/^## /m).flatMap((part) => {
    const [section = ""] = part.split("\n", 1);
    return [...part.matchAll(/^### (\S+)\n([\s\S]*?)(?=^### |(?![\s\S]))/gm)].map(([, code, text]) => ({
      section,
      code: `${code}`,
      text: `${text}`.trim(),
    }));
  });
}

/**
 * What is wrong between codes and entries: every code has one entry with a cause and a remedy, every entry a code.
 *
 * @param {ReadonlyMap<string, readonly string[]>} codes with the files that hold them
 * @param {readonly Entry[]} entries
 */
export function entryProblems(codes, entries) {
  /** @type {string[]} */
  const problems = [];
  const seen = new Set();
  for (const { code, text } of entries) {
    if (seen.has(code)) problems.push(`docs/troubleshooting.md has two entries for ${code}`);
    if (!codes.has(code))
      problems.push(`docs/troubleshooting.md has an entry for ${code}, which no source emits`);
    if (text === "") problems.push(`docs/troubleshooting.md says nothing about ${code}`);
    seen.add(code);
  }
  for (const [code, files] of codes) {
    if (!seen.has(code))
      problems.push(`docs/troubleshooting.md has no entry for ${code} (${files.join(", ")})`);
  }
  return problems;
}

/**
 * The page with its index made anew.
 *
 * @param {string} page
 */
export function withIndex(page) {
  /** @type {Map<string, string[]>} */
  const sections = new Map();
  for (const { section, code } of entriesOf(page))
    sections.set(section, [...(sections.get(section) ?? []), code]);
  const index = [...sections].map(([section, codes]) => {
    const links = codes.map((code) => `[${code}](#${anchor(code)})`);
    return item(`**${section}**: ${links.join(", ")}`);
  });
  return page.replace(INDEX, `$1\n${index.join("\n")}\n\n$2`);
}

/**
 * The anchor that Markdown renderers give a heading.
 *
 * @param {string} heading
 */
export function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
}
