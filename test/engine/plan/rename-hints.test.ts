import { afterEach, expect, test } from "@jest/globals";
import { palette } from "../../../cli/palette.ts";
import { renderPlan } from "../../../cli/render/plan.ts";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab;
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

/** The notes of the plan from one lab.toml to the next, as they are printed. */
const notes = async (before: string, after: string) => {
  lab = await FakeLab.create(HEAD + before);
  await lab.apply();
  await lab.write("lab.toml", HEAD + after);
  const text = renderPlan(await lab.plan(), { palette: palette(false), width: undefined, details: false });
  return text.includes("Note:") ? text.slice(text.indexOf("Note:")) : "";
};

test("a VM that was only renamed is told with the table to add", async () => {
  expect(
    await notes('[vms.frontend]\nmemory = "2GiB"\n[vms.db]\n', '[vms.web]\nmemory = "2GiB"\n[vms.db]\n'),
  ).toBe(`Note: vm.frontend is deleted, and vm.web made, which has the same settings. If it is the same machine, keep it by adding to lab.toml:
  [[moved]]
  from = "vm.frontend"
  to = "vm.web"
`);
  const added = '[[moved]]\nfrom = "vm.frontend"\nto = "vm.web"\n';
  await lab.write("lab.toml", `${HEAD}[vms.web]\nmemory = "2GiB"\n[vms.db]\n${added}`);
  expect((await lab.plan()).changes.map(({ action }) => action)).toEqual(["move"]);
});

test.each([
  ["that becomes counted", "[vms.web]\n", "[vms.web]\ncount = 2\n", "vm.web", "vm.web-1"],
  ["that is counted no more", "[vms.web]\ncount = 2\n", "[vms.web]\n", "vm.web-1", "vm.web"],
  [
    "of an environment that becomes counted",
    "[environments.k.vms.w]\n",
    '[environments.k.vms.w]\ncount = 1\nmemory = "2GiB"\n',
    "vm.k-w",
    "vm.k-w-1",
  ],
])("a VM %s is told, whatever else changes", async (_, before, after, from, to) => {
  expect(
    await notes(before, after),
  ).toBe(`Note: ${from} is deleted, and ${to} made. If it is the same machine, keep it by adding to lab.toml:
  [[moved]]
  from = "${from}"
  to = "${to}"
`);
});

test.each([
  ["other settings", "[vms.a]\n", '[vms.b]\nmemory = "3GiB"\n'],
  ["several of the kind", "[vms.a]\n", "[vms.b]\n[vms.c]\n"],
  ["several that go", "[vms.a]\n[vms.b]\n", "[vms.c]\n"],
  ["nothing made", "[vms.a]\n[vms.b]\n", "[vms.b]\n"],
])("nothing is guessed with %s", async (_, before, after) => {
  expect(await notes(before, after)).toBe("");
});
