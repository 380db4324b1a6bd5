/** Modules as files: read once, with files of their own. */
import { expect, test } from "@jest/globals";
import { resolveFiles } from "../../../../engine/config/resolve-files.ts";
import { expand, loadValid, memoryEffects, show } from "../memory-lab.ts";
import { TWO } from "./module-labs.ts";

test("a module is read once and its text is a source of the lab; its files are hashed", async () => {
  const files = { ...TWO, "modules/cluster/init.sh": "echo" };
  const lab = await loadValid(files);
  expect(lab.sources.map(({ path }) => path)).toEqual(["lab.toml", "modules/cluster/module.toml"]);
  const effects = memoryEffects(files);
  const resolved = await resolveFiles(effects, lab, await expand(files));
  expect(resolved.diagnostics).toEqual([]);
  expect(resolved.files.map(({ path }) => path)).toEqual(["modules/cluster/init.sh"]);
});

test("a file that a module names and that is not there is told where the module names it", async () => {
  const lab = await loadValid(TWO);
  const { diagnostics } = await resolveFiles(memoryEffects(TWO), lab, await expand(TWO));
  expect(
    show(diagnostics),
  ).toBe(`modules/cluster/module.toml:23:12-21 config/no-file: There is no file modules/cluster/init.sh
  lab.toml:6:15 used as environment.blue here
  → Paths are relative to the file that declares them: make init.sh, or correct the path.`);
});
