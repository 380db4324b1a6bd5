/** The project's own lab and every lab in examples/ is one that vmlab takes, formatted as vmlab formats. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { expandLab } from "../../engine/config/expand.ts";
import { formatToml } from "../../engine/config/format.ts";
import { loadLab } from "../../engine/config/load.ts";
import { resolveFiles } from "../../engine/config/resolve-files.ts";
import { nodeEffects } from "../../engine/effects-node.ts";

const root = join(import.meta.dirname, "../..");
const folders = [".", ...readdirSync(join(root, "examples")).map((name) => `examples/${name}`)];
const effects = nodeEffects();

describe.each(folders)("the lab in %s", (name) => {
  const file = join(root, name, "lab.toml");

  test("has no problem, and every file that it names is there", async () => {
    const { lab, diagnostics } = await loadLab(effects, { file });
    expect(diagnostics).toEqual([]);
    if (lab === undefined) throw new Error("it was not loaded");
    const expansion = expandLab(lab);
    const resolved = await resolveFiles(effects, lab, {
      ...expansion,
      resources: [...expansion.resources, ...(expansion.unneeded ?? [])],
    });
    expect([...expansion.diagnostics, ...resolved.diagnostics]).toEqual([]);
  });

  test("is formatted, with its modules", async () => {
    const { lab } = await loadLab(effects, { file });
    for (const { path } of lab?.sources ?? []) {
      const text = readFileSync(join(root, name, path), "utf8");
      expect(await formatToml(text, path)).toBe(text);
    }
  });
});
