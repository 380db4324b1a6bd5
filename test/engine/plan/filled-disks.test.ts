import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { makePlan } from "../../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../../engine/plan/options.ts";
import type { FakeLab } from "../../support/fake-lab.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const GiB = 2 ** 30;
const TOML = `${FAKE_HEAD}[vms.a]
memory = "64MiB"
disk = "10GiB"
`;

/** Notes of a plan on a host with room for 40 GiB, where these machines, by id, may grow by so much. */
async function notes(
  lab: FakeLab,
  growths: Readonly<Record<string, number>>,
  options: Partial<PlanOptions> = {},
): Promise<readonly string[]> {
  const effects = lab.effects();
  const disk = async () => ({ total: 100 * GiB, free: 42 * GiB });
  const workspace = await lab.workspace({ ...effects, host: { ...effects.host, disk } });
  const { home, providers } = workspace;
  await effects.files.makeDir(home.root);
  await writeFile(join(home.root, "config.toml"), '[limits]\ndisk_reserve = "2GiB"\n');
  const machines = Object.entries(growths).map(([id, growth]) => ({
    ...{ id, name: id, time: 0 },
    disk: { size: growth, allocated: 0, growth },
  }));
  const vm = {
    ...providers.vm,
    usesHost: true,
    usage: async () => new Map(machines.map((one) => [one.id, one])),
  };
  const { plan, diagnostics } = await makePlan(
    { ...workspace, providers: { ...providers, vm } },
    { ...DEFAULT_PLAN_OPTIONS, ...options },
  );
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics));
  return plan.notes.map(({ text }) => text).filter((text) => text.includes("disk"));
}

test("a plan that makes a disk says so when not every disk of the host may fill then", async () => {
  const lab = await create(TOML);
  expect(await notes(lab, { other: 30 * GiB })).toEqual([]);
  expect(await notes(lab, { other: 20 * GiB, another: 15 * GiB })).toEqual([
    "if every disk on this host fills, they take 45 GiB more, 10 GiB of it by this plan, and there is room for 40 GiB: that is 5 GiB too much",
  ]);
});

test("what the plan makes anew does not count twice, and one that makes no disk says nothing", async () => {
  const lab = await create(TOML);
  await lab.apply();
  const { instance = "" } = (await lab.state())?.resources["vm.a"] ?? {};
  expect(instance).not.toBe("");
  expect(await notes(lab, { [instance]: 35 * GiB }, { replace: ["vm.a"] })).toEqual([]);
  expect(await notes(lab, { other: 35 * GiB }, { replace: ["vm.a"] })).toHaveLength(1);
  await lab.write("lab.toml", TOML.replace("64MiB", "128MiB"));
  expect(await notes(lab, { other: 50 * GiB })).toEqual([]);
  await lab.write("lab.toml", TOML.replace("10GiB", "12GiB"));
  expect(await notes(lab, { [instance]: 39 * GiB })).toEqual([
    expect.stringContaining("they take 41 GiB more, 2 GiB"),
  ]);
});
