import { expect, test } from "@jest/globals";
import { parseToml } from "../../../engine/config/toml/parse-toml.ts";
import { GUARDED, TOLERATED } from "../../toml/guarded.ts";
import { INVALID } from "../../toml/invalid.ts";
import { VALID } from "../../toml/valid.ts";

test.each(VALID)("reads %s", async (_, text, value) => {
  expect(await parseToml(text, "lab.toml")).toEqual({ document: value, diagnostics: [] });
});

test.each(INVALID)("refuses %s, with its place", async (_, text) => {
  const { document, diagnostics } = await parseToml(text, "lab.toml");
  expect(document).toBeUndefined();
  expect(diagnostics.map(({ code }) => code)).toEqual([
    expect.stringMatching(/^config\/(toml-syntax|duplicate-key)$/),
  ]);
  const { start } = diagnostics[0]?.range ?? { start: { line: 0, column: 0 } };
  expect(start.line).toBeGreaterThan(0);
  expect(start.column).toBeGreaterThan(0);
});

test.each(GUARDED)("guards against %s", async (_, text, code) => {
  const { document, diagnostics } = await parseToml(text, "lab.toml");
  expect(document).toBeUndefined();
  expect(diagnostics.map((one) => [one.code, one.range !== undefined])).toEqual([[code, true]]);
});

test.each(TOLERATED)("tolerates %s", async (_, text, value) => {
  expect(await parseToml(text, "lab.toml")).toEqual({ document: value, diagnostics: [] });
});

test("leaves the objects of the language alone", async () => {
  await parseToml("[vms.constructor]\nstolen = 1\n[vms.valueOf]\nstolen = 1", "lab.toml");
  expect(Object.hasOwn(Object, "stolen")).toBe(false);
  expect(Object.hasOwn(Object.prototype.valueOf, "stolen")).toBe(false);
});
