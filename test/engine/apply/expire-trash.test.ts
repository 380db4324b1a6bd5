import { afterEach, expect, test } from "@jest/globals";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab | undefined;
afterEach(() => lab?.remove());

const LAB = `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;
const DAY = 24 * 60 * 60 * 1000;

test("an apply empties the trash of what has lain there for a week, and of nothing else", async () => {
  lab = await FakeLab.create(`${LAB}[vms.old]\n[vms.young]\n[vms.kept]\n`);
  await lab.apply();
  await lab.write("lab.toml", `${LAB}[vms.young]\n[vms.kept]\n`);
  await lab.apply();
  const real = lab.effects();
  const later = (days: number) => ({ ...real, clock: { ...real.clock, now: () => Date.now() + days * DAY } });
  await lab.write("lab.toml", `${LAB}[vms.kept]\n`);
  await lab.apply({}, {}, later(6));
  const trash = async () => (await lab?.workspace())?.providers.vm.trash();
  expect((await trash())?.map((vm) => vm.name)).toEqual(["old", "young"]);
  await lab.write("lab.toml", `${LAB}[vms.kept]\nmemory = "2GiB"\n`);
  await lab.apply({}, {}, later(8));
  expect((await trash())?.map((vm) => vm.name)).toEqual(["young"]);
});
