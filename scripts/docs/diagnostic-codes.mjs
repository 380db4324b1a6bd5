// Finds the diagnostic codes that the sources can emit: string literals of the form "area/what-it-is".
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const FOLDERS = ["cli", "engine", "providers"];
const AREAS =
  "apply|backup|cli|config|cp|export|fake|host|image|internal|lab|operate|ops|plan|qemu|select|ssh|state|trash|vm".split(
    "|",
  );

/** Codes that are put together at run time, by the template that stands in the source. */
const TEMPLATES = new Map([
  ["host/not-enough-${what}", ["host/not-enough-cpus", "host/not-enough-memory"]],
  [
    "qemu/not-ready-${stage.name}",
    ["qemu/not-ready-boot", "qemu/not-ready-cloud-init", "qemu/not-ready-login"],
  ],
  ["select/unknown-${noun}", ["select/unknown-environment", "select/unknown-role"]],
]);

/**
 * The codes with the files that hold them.
 *
 * @param {string} root folder of the sources
 * @returns {Promise<Map<string, string[]>>}
 */
export async function codesInSources(root) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const folder of FOLDERS) {
    const files = await readdir(join(root, folder), { recursive: true });
    for (const file of files.filter((name) => name.endsWith(".ts")).sort()) {
      const path = join(folder, file);
      for (const code of codesInText(await readFile(join(root, path), "utf8"), path)) {
        found.set(code, [...(found.get(code) ?? []), path]);
      }
    }
  }
  return found;
}

/**
 * @param {string} text of a source file
 * @param {string} path for the error about a code that cannot be followed
 * @returns {Set<string>}
 */
export function codesInText(text, path) {
  const area = `(?:${AREAS.join("|")})`;
  const plain = [...text.matchAll(new RegExp(`"(${area}/[a-z0-9]+(?:-[a-z0-9]+)*)"`, "g"))];
  const computed = [...text.matchAll(new RegExp(`\`(${area}/[a-z0-9-]*\\$\\{[^\`]*)\``, "g"))];
  const named = [...text.matchAll(/\bcode: "([^"]*\/[^"]*)"/g)].map(([, code]) => `${code}`);
  const stray = named.find((code) => !AREAS.includes(code.replace(/\/.*/, "")));
  if (stray !== undefined)
    throw new Error(`${path}: the area of ${stray} is not in scripts/docs/diagnostic-codes.mjs`);
  return new Set([
    ...plain.map(([, code]) => `${code}`),
    ...computed.flatMap(([, template]) => {
      const codes = TEMPLATES.get(`${template}`);
      if (codes !== undefined) return codes;
      throw new Error(`${path}: add what ${template} can be to scripts/docs/diagnostic-codes.mjs`);
    }),
  ]);
}
