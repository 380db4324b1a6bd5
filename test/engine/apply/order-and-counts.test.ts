/** How long a lab takes in boots, and what a changed count does. */
import { describe, expect, test } from "@jest/globals";
import { schedule } from "../../../engine/apply/scheduler.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";
import { NOON, TestClock } from "../../support/test-clock.ts";

const create = fakeLabs();

/** Time until everything is done, in boots: a machine is ready one boot after its start, all else takes a hundredth. */
const bootsOf = async ({ operations }: Plan): Promise<number> => {
  const boot = 10_000;
  const clock = new TestClock();
  const never = new AbortController().signal;
  let ended: number | undefined;
  const run = schedule(operations, {
    parallelism: 10,
    boots: undefined,
    graceful: never,
    hard: never,
    mustFinish: () => false,
    skipped: (operation) => {
      throw new Error(`${operation.id} was skipped`);
    },
    run: async ({ step }) => {
      await clock.sleep(step === "ready" ? boot : boot / 100);
      return true;
    },
  }).then(() => {
    ended = clock.now();
  });
  await clock.advance(100 * boot);
  await run;
  return ((ended ?? 0) - NOON) / boot;
};

describe("with boots that take their time", () => {
  test("three independent VMs are ready in 1.1 boots", async () => {
    const lab = await create(`${FAKE_HEAD}[vms.a]\n[vms.b]\n[vms.c]\n`);
    expect(await bootsOf(await lab.plan())).toBeLessThanOrEqual(1.1);
  });

  test("a chain of three is ready in 3.2, and in no less than 3", async () => {
    const lab = await create(
      `${FAKE_HEAD}[vms.a]\n[vms.b]\ndepends_on = ["vm.a"]\n[vms.c]\ndepends_on = ["vm.b"]\n`,
    );
    const boots = await bootsOf(await lab.plan());
    expect(boots).toBeGreaterThanOrEqual(3);
    expect(boots).toBeLessThanOrEqual(3.2);
  });

  test("a replacement is prepared beside the old machine and takes one boot", async () => {
    const lab = await create(`${FAKE_HEAD}[vms.a]\n`);
    await lab.apply();
    expect(await bootsOf(await lab.plan({ replace: ["vm.a"] }))).toBeLessThanOrEqual(1.1);
  });
});

test("a count of 3, then 5, then 2 makes and deletes only those at the end, the highest first", async () => {
  const toml = (count: number) => `${FAKE_HEAD}[vms.w]\ncount = ${count}\n`;
  const lab = await create(toml(3));
  await lab.apply();
  const ids = async () => Object.fromEntries((await lab.machines()).map(({ name, id }) => [name, id]));
  const first = await ids();
  const changes = async () => (await lab.plan()).changes.map(({ action, address }) => `${action} ${address}`);
  await lab.write("lab.toml", toml(5));
  expect(await changes()).toEqual(["create vm.w-4", "create vm.w-5"]);
  // Whichever is made first.
  await lab.faults({ delays: { create: 1 } });
  await lab.apply();
  expect(await ids()).toMatchObject(first);
  await lab.write("lab.toml", toml(2));
  expect(await changes()).toEqual(["delete vm.w-5", "delete vm.w-4", "delete vm.w-3"]);
  await lab.apply();
  expect(await ids()).toEqual({ "w-1": first["w-1"], "w-2": first["w-2"] });
});

test("a count that shrinks past ten still deletes the highest first", async () => {
  const toml = (count: number) => `${FAKE_HEAD}[environments.e.vms.w]\ncount = ${count}\n`;
  const lab = await create(toml(11));
  await lab.apply();
  await lab.write("lab.toml", toml(8));
  expect((await lab.plan()).changes.map(({ address }) => address)).toEqual([
    "vm.e-w-11",
    "vm.e-w-10",
    "vm.e-w-9",
  ]);
});

describe("a VM whose provisioning fails", () => {
  const toml = `${FAKE_HEAD}[vms.a]\n[vms.b]\nrun = ["one", "two", "three"]\n[vms.c]\nrun = ["one"]\n`;

  test("stops nobody else, and the next apply goes on from the step that failed, on the same machine", async () => {
    const lab = await create(toml);
    // The second step of b: the first is done, the third not begun.
    await lab.faults({
      failures: [{ step: "provision", name: "b", label: "run two", message: "exit code 7" }],
    });
    const outcome = await lab.apply();
    expect(
      outcome.failures.map(({ operation, diagnostics }) => [operation, diagnostics[0]?.summary]),
    ).toEqual([["vm.b:provision", "exit code 7"]]);
    expect(outcome.skipped).toEqual([]);
    expect(outcome.counts).toMatchObject({ failed: 1, skipped: 0 });
    const before = await lab.machine("b");
    expect(before).toMatchObject({ state: "running", log: ["run one"] });
    expect((await lab.machine("c")).log).toEqual(["run one"]);

    await lab.faults({});
    const plan = await lab.plan();
    expect(plan.operations.map(({ id }) => id)).toEqual(["vm.b:provision"]);
    expect((await lab.apply()).failures).toEqual([]);
    expect(await lab.machine("b")).toMatchObject({ id: before.id, log: ["run one", "run two", "run three"] });
    expect((await lab.plan()).changes).toEqual([]);
  });
});
