// Writes the generated pages of docs/: the reference from the schemas, the commands from their definitions, the
// catalogue in roles.md from roles/, and the index of troubleshooting.md from its entries. node scripts/docs.mjs [--check]
// With --check nothing is written: what is out of date is named, and the exit code is 1.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandsPage } from "./docs/commands.mjs";
import { codesInSources } from "./docs/diagnostic-codes.mjs";
import { referencePage } from "./docs/reference.mjs";
import { withCatalogue } from "./docs/roles.mjs";
import { entriesOf, entryProblems, withIndex } from "./docs/troubleshooting.mjs";
import { writeIfChanged } from "./write-if-changed.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");

const troubleshooting = await readFile(join(root, "docs/troubleshooting.md"), "utf8");
const problems = entryProblems(await codesInSources(root), entriesOf(troubleshooting));
const pages = {
  "docs/reference.md": await referencePage(root),
  "docs/commands.md": await commandsPage(root),
  "docs/roles.md": await withCatalogue(await readFile(join(root, "docs/roles.md"), "utf8"), root),
  "docs/troubleshooting.md": withIndex(troubleshooting),
};
for (const [path, text] of Object.entries(pages)) {
  const file = join(root, path);
  if (!check) await writeIfChanged(file, text);
  else if ((await readFile(file, "utf8").catch(() => "")) !== text)
    problems.push(`${path} is out of date: npm run docs`);
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
