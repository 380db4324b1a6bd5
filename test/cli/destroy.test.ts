import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

test("a lab whose state names no resource any more is cleared away", async () => {
  await lab.succeed("apply", "--yes");
  const addresses = (await lab.succeed("state", "list")).trim().split("\n");
  await lab.succeed("state", "rm", ...addresses, "--yes");
  expect(await lab.succeed("state", "list")).toBe("");
  expect((await lab.vmlab(["plan", "--destroy", "--detailed-exitcode"])).code).toBe(2);
  const said = await lab.succeed("destroy");
  expect(said).toContain("Nothing to destroy.");
  expect(said).toContain("The lab's empty state was removed.\n");
  expect(existsSync(join(lab.folder, ".vmlab/state.json"))).toBe(false);
  expect(await readdir(join(lab.home, "labs")).catch(() => [])).toEqual([]);
  expect(await lab.vmlab(["plan", "--destroy", "--detailed-exitcode"])).toMatchObject({ code: 0 });
});

test("a destroy of what is not there does nothing", async () => {
  expect(await lab.succeed("destroy")).not.toContain("state was removed");
  expect(existsSync(join(lab.folder, ".vmlab/state.json"))).toBe(false);
});
