import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { readSavedPlan, writeSavedPlan } from "../../../engine/plan/saved-plan.ts";
import { FakeLab } from "../../support/fake-lab.ts";
import { show } from "../config/memory-lab.ts";

let lab: FakeLab;
beforeEach(async () => {
  lab = await FakeLab.create(`lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vms.db]
ports = ["80"]
[vms.web]
env = { MOTD = "\${file('motd.txt')}", LATER = "\${file('motd.txt') + string(vms.db.ports['80'])}" }
`);
  await lab.write("motd.txt", "one");
});
afterEach(() => lab.remove());

test("a text that changed is planned, and refuses a saved plan", async () => {
  await lab.apply();
  // Also where the rest is known only at apply.
  expect((await lab.state())?.resources["vm.web"]?.inputs.env).toEqual({
    MOTD: "one",
    LATER: expect.stringMatching(/^one\d{5}$/),
  });
  expect((await lab.plan()).changes).toEqual([]);
  await lab.write("motd.txt", "two");
  const plan = await lab.plan();
  expect(plan.changes.map(({ address, action }) => `${action} ${address}`)).toEqual(["update vm.web"]);
  expect(plan.sources.map(({ path }) => path)).toContain("motd.txt");
  const saved = join(lab.root, "plan");
  const { effects } = await lab.workspace();
  await writeSavedPlan(effects, saved, plan);
  await lab.write("motd.txt", "three");
  await expect(readSavedPlan(await lab.workspace(), saved)).rejects.toThrow("motd.txt changed");
});

test.each([
  ["is no text", Buffer.from([0xc3, 0x28]), "motd.txt is not UTF-8 text"],
  ["is too big", Buffer.alloc(1024 * 1024 + 1, "x"), "motd.txt is bigger than 1 MiB"],
])("a file that %s is refused", async (_, bytes, message) => {
  await writeFile(join(lab.folder, "motd.txt"), bytes);
  expect(show((await lab.outcome()).diagnostics)).toBe(
    `lab.toml:7:19-35 config/bad-expression: ${message}\nlab.toml:7:50-66 config/bad-expression: ${message}`,
  );
});
