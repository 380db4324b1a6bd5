/** Promises of the engine, on random labs over the fake provider. A failing case prints its seed and its lab. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../engine/plan/options.ts";
import { memoryTrace } from "../support/effects.ts";
import { FakeLab } from "../support/fake-lab.ts";
import { FULL } from "../support/long-test.ts";

interface RandomVm {
  readonly dependsOn: readonly number[];
  readonly memory: number;
  readonly count: number | undefined;
  readonly secret: boolean;
  readonly readsPort: number | undefined;
  readonly power: "running" | "stopped";
  readonly image: number;
  /** Of two, in order. */
  readonly networks: readonly number[];
  readonly readsAddress: number | undefined;
}

/** VMs depend only on earlier ones, so that there is no cycle. */
const randomLab = fc
  .array(
    fc.record({
      dependsOn: fc.uniqueArray(fc.nat(20), { maxLength: 3 }),
      memory: fc.integer({ min: 1, max: 4 }),
      count: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      secret: fc.boolean(),
      readsPort: fc.option(fc.nat(20), { nil: undefined }),
      power: fc.constantFrom("running", "stopped"),
      image: fc.nat(1),
      networks: fc.subarray([0, 1]),
      readsAddress: fc.option(fc.nat(20), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((vms) =>
    vms.map((vm): RandomVm => ({ ...vm, power: vm.power === "stopped" ? "stopped" : "running" })),
  );

function toml(vms: readonly RandomVm[]): string {
  const lines = [
    'lab = { name = "random", provider = "fake" }',
    "[images]",
    'i0 = { bootstrap = { distribution = "debian", suite = "bookworm" } }',
    'i1 = { bootstrap = { distribution = "debian", suite = "trixie" } }',
    "[secrets]",
    'token = { pattern = "[a-z]{20}" }',
    "[networks]",
    'n0 = { cidr = "10.40.0.0/24" }',
    'n1 = { cidr = "10.41.0.0/24", internet = false }',
  ];
  vms.forEach((vm, index) => {
    const earlier = (number: number) => (index === 0 ? undefined : number % index);
    const needs = vm.dependsOn
      .flatMap((number) => earlier(number) ?? [])
      .filter((number) => vms[number]?.count === undefined);
    const port = vm.readsPort === undefined ? undefined : earlier(vm.readsPort);
    const readable = port !== undefined && vms[port]?.count === undefined && vms[port]?.power === "running";
    // Peers may read each other's addresses, in a ring too.
    const peer = vm.readsAddress === undefined ? undefined : vm.readsAddress % vms.length;
    const addressed =
      peer !== undefined && vms[peer]?.count === undefined && vms[peer]?.networks.length !== 0;
    lines.push(
      `[vms.v${index}]`,
      `image = "i${vm.image}"`,
      `memory = "${vm.memory}GiB"`,
      `power = "${vm.power}"`,
      'ports = ["80"]',
      `depends_on = [${[...new Set(needs)].map((number) => `"vm.v${number}"`).join(", ")}]`,
      ...(vm.count === undefined ? [] : [`count = ${vm.count}`]),
      `networks = [${vm.networks.map((number) => `{ name = "n${number}" }`).join(", ")}]`,
      ...(vm.secret || readable || addressed ? [`[vms.v${index}.env]`] : []),
      ...(vm.secret ? ['TOKEN = "${secrets.token}"'] : []),
      ...(addressed ? [`PEER = "\${vms.v${peer}.ip}"`] : []),
      ...(readable ? [`PORT = "\${vms.v${port}.ports['80']}"`] : []),
    );
  });
  return `${lines.join("\n")}\n`;
}

const labs: FakeLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.remove();
});
const create = async (vms: readonly RandomVm[]) => {
  const lab = await FakeLab.create(toml(vms));
  labs.push(lab);
  return lab;
};
const RUNS = { numRuns: FULL ? 100 : 20 };

describe("on random labs", () => {
  test("a plan after an apply is empty", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, async (vms) => {
        const lab = await create(vms);
        expect((await lab.apply()).failures).toEqual([]);
        const plan = await lab.plan();
        expect(plan.changes).toEqual([]);
        expect(plan.observations).toEqual([]);
      }),
      RUNS,
    );
  }, 120_000);

  test("a change from one lab to another converges, whatever the two are", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, randomLab, async (first, second) => {
        const lab = await create(first);
        await lab.apply();
        await lab.write("lab.toml", toml(second));
        expect((await lab.apply()).failures).toEqual([]);
        expect((await lab.plan()).changes).toEqual([]);
      }),
      RUNS,
    );
  }, 120_000);

  test("the same input gives the same plan, byte for byte", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, async (vms) => {
        const lab = await create(vms);
        const plan = async () => {
          const effects = { ...lab.effects(), random: { bytes: (count: number) => Buffer.alloc(count, 7) } };
          const { plan } = await makePlan(await lab.workspace(effects), DEFAULT_PLAN_OPTIONS);
          return JSON.stringify(plan);
        };
        expect(await plan()).toBe(await plan());
      }),
      RUNS,
    );
  }, 120_000);

  test("parallelism changes no result", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, async (vms) => {
        const results = await Promise.all(
          [1, 8].map(async (parallelism) => {
            const lab = await create(vms);
            await lab.apply({}, { parallelism });
            const state = await lab.state();
            return Object.values(state?.resources ?? {})
              .map(({ address, phase, generation, dependsOn }) => ({ address, phase, generation, dependsOn }))
              .sort((a, b) => a.address.localeCompare(b.address));
          }),
        );
        expect(results[1]).toEqual(results[0]);
      }),
      RUNS,
    );
  }, 120_000);

  test("a plan never writes", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, randomLab, async (first, second) => {
        const lab = await create(first);
        await lab.apply();
        await lab.write("lab.toml", toml(second));
        const { effects, calls } = memoryTrace(lab.effects());
        await makePlan(await lab.workspace(effects), DEFAULT_PLAN_OPTIONS);
        expect(calls).toEqual([]);
      }),
      RUNS,
    );
  }, 120_000);

  test("destroy ends empty", async () => {
    await fc.assert(
      fc.asyncProperty(randomLab, async (vms) => {
        const lab = await create(vms);
        await lab.apply();
        expect((await lab.apply({ mode: "destroy" })).state).toBeUndefined();
        expect(await lab.machines()).toEqual([]);
        expect(await lab.state()).toBeUndefined();
      }),
      RUNS,
    );
  }, 120_000);
});
