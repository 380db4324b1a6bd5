import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { version } from "../../cli/version.ts";

test("the version of the unbundled sources is the one in package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(version).toBe(manifest.version);
});
