import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";
import type { PlanOptions } from "../../../engine/plan/options.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab;
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;
const DATA = 'volumes.data = { size = "20GiB" }\n';
const on = (vm: string, ...volumes: string[]) =>
  `vms.${vm}.volumes = [${volumes.map((name) => `{ name = "${name}", mount = "/srv/${name}" }`).join(", ")}]\n`;

const lines = (plan: Plan) =>
  plan.changes.map(({ action, address, summary }) => `${action} ${address}: ${summary}`);
const needs = (plan: Plan, id: string) => plan.operations.find((operation) => operation.id === id)?.needs;

async function made(...toml: string[]): Promise<void> {
  lab = await FakeLab.create(HEAD + toml.join(""));
  expect((await lab.apply()).failures).toEqual([]);
}

async function write(...toml: string[]): Promise<void> {
  await lab.write("lab.toml", HEAD + toml.join(""));
}

async function refused(options: Partial<PlanOptions> = {}): Promise<string[]> {
  const { diagnostics } = await lab.outcome(options);
  return diagnostics.map(({ code, summary }) => `${code}: ${summary}`);
}

const volumes = () => readdir(join(lab.homeFolder, "fake", "volumes"));
const trashed = () => readdir(join(lab.homeFolder, "fake", "volume-trash")).catch(() => []);
const attached = async (vm: string) => (await lab.machine(vm)).attributes.volumes;

describe("a volume", () => {
  test("is made before the VM that has it, and stays when that is replaced or removed", async () => {
    lab = await FakeLab.create(HEAD + DATA + on("db", "data"));
    const plan = await lab.plan();
    expect(lines(plan)).toEqual([
      "build image.b: bootstrap debian bookworm",
      "create volume.data: 20 GiB, ext4",
      "create vm.db: on b, 1 vCPU, 1 GiB, disk 10 GiB",
    ]);
    expect(needs(plan, "vm.db:create")).toContain("volume.data:allocate");
    await lab.apply();
    expect(await attached("db")).toEqual({ data: "/srv/data" });
    expect(lines(await lab.plan())).toEqual([]);
    const before = await volumes();
    await lab.apply({ replace: ["vm.db"] });
    await write(DATA);
    await lab.apply();
    expect([await volumes(), await trashed()]).toEqual([before, []]);
  });

  test("grows in place, and never shrinks", async () => {
    await made(DATA, on("db", "data"));
    await write('volumes.data = { size = "30GiB" }\n', on("db", "data"));
    expect(lines(await lab.plan())).toEqual(["update volume.data: size 20 GiB → 30 GiB (grown in place)"]);
    expect((await lab.apply()).failures).toEqual([]);
    expect(lines(await lab.plan())).toEqual([]);
    await write(DATA, on("db", "data"));
    expect(await refused()).toEqual([
      "plan/volume-cannot-shrink: volume.data cannot shrink from 30 GiB to 20 GiB",
    ]);
  });

  test("that is gone is not made anew unasked", async () => {
    await made(DATA, on("db", "data"));
    await rm(join(lab.homeFolder, "fake", "volumes"), { recursive: true });
    expect(await refused()).toEqual(["plan/volume-gone: the disk of volume.data is gone"]);
    const plan = await lab.plan({ replace: ["volume.data"] });
    expect(lines(plan)).toEqual(["replace volume.data: made anew, empty", "update vm.db: volume.data anew"]);
    expect(plan.dataLoss).toEqual([]);
    expect((await lab.apply({ replace: ["volume.data"] })).failures).toEqual([]);
    expect(lines(await lab.plan())).toEqual([]);
  });

  test("with another file system is made anew, between its VM's letting go and taking it again", async () => {
    await made(DATA, on("db", "data"));
    const before = await volumes();
    await write('volumes.data = { size = "20GiB", filesystem = "xfs" }\n', on("db", "data"));
    const plan = await lab.plan();
    expect(plan.operations.map(({ id, needs }) => [id, needs])).toEqual([
      ["volume.data:trash", ["vm.db:detach"]],
      ["volume.data:allocate", ["volume.data:trash"]],
      ["vm.db:detach", []],
      ["vm.db:update", ["vm.db:detach", "volume.data:allocate"]],
    ]);
    expect(plan.dataLoss).toEqual([
      { address: "volume.data", what: "all data", size: 20 * 2 ** 30, final: false },
    ]);
    expect((await lab.apply()).failures).toEqual([]);
    expect(await trashed()).toEqual(before);
    expect(await attached("db")).toEqual({ data: "/srv/data" });
    expect(lines(await lab.plan())).toEqual([]);
  });

  test("that is protected is neither removed nor made anew", async () => {
    const guarded = 'volumes.data = { size = "20GiB", lifecycle = { prevent_destroy = true } }\n';
    await made(guarded, on("db", "data"));
    const why = (action: string) => [
      `plan/protected: volume.data is protected: this plan would ${action} it`,
    ];
    expect(await refused({ mode: "destroy" })).toEqual(why("delete"));
    expect(await refused({ replace: ["volume.data"] })).toEqual(why("replace"));
    await write("vms.db = {}\n");
    expect(await refused()).toEqual(why("delete"));
  });

  test("leaves after the VM has let go of it, and when the VM does not, it stays", async () => {
    await made(DATA, on("db", "data"));
    await write("vms.db = {}\n");
    const plan = await lab.plan();
    expect(lines(plan)).toEqual([
      "update vm.db: volumes −data on /srv/data (live)",
      "delete volume.data: moved to the trash",
    ]);
    expect(needs(plan, "volume.data:trash")).toContain("vm.db:detach");
    await lab.faults({ failures: [{ step: "detach", name: "db" }] });
    expect((await lab.apply()).failures.map(({ operation }) => operation)).toEqual(["vm.db:detach"]);
    expect(await trashed()).toEqual([]);
    await lab.faults({});
    expect((await lab.apply()).failures).toEqual([]);
    expect([await volumes(), (await trashed()).length]).toEqual([[], 1]);
  });
});

describe("a volume that moves", () => {
  test("is taken only when the other VM let go of it, also where that depends on the taker", async () => {
    await made(DATA, on("a", "data"), "vms.b = {}\n", 'vms.a.depends_on = ["vm.b"]\n');
    await write(DATA, on("b", "data"), 'vms.a.depends_on = ["vm.b"]\n');
    const plan = await lab.plan();
    expect(needs(plan, "vm.b:update")).toContain("vm.a:detach");
    expect(needs(plan, "vm.a:detach")).toEqual([]);
    expect((await lab.apply()).failures).toEqual([]);
    expect([await attached("a"), await attached("b")]).toEqual([{}, { data: "/srv/data" }]);
  });

  test("is exchanged for another without a ring", async () => {
    const both = `${DATA}volumes.logs = { size = "1GiB" }\n`;
    await made(both, on("a", "data"), on("b", "logs"));
    await write(both, on("a", "logs"), on("b", "data"));
    expect((await lab.apply()).failures).toEqual([]);
    expect([await attached("a"), await attached("b")]).toEqual([
      { logs: "/srv/logs" },
      { data: "/srv/data" },
    ]);
  });

  test("waits again after a failure left it where it was, with the taker half made", async () => {
    await made(DATA, on("a", "data"));
    await write(DATA, "vms.a = {}\n", on("b", "data"));
    await lab.faults({ failures: [{ step: "detach", name: "a" }] });
    expect((await lab.apply()).failures.map(({ operation }) => operation)).toEqual(["vm.a:detach"]);
    await lab.faults({});
    expect(needs(await lab.plan(), "vm.b:start")).toEqual(["vm.a:detach"]);
    expect(await refused({ targets: ["vm.b"] })).toEqual([
      "plan/volume-in-use: vm.b cannot take volume.data: vm.a still has it",
    ]);
    expect((await lab.apply()).failures).toEqual([]);
    expect([await attached("a"), await attached("b")]).toEqual([{}, { data: "/srv/data" }]);
  });

  test("comes from a VM that is removed when that has stopped", async () => {
    await made(DATA, on("a", "data"));
    await write(DATA, on("b", "data"));
    expect(needs(await lab.plan(), "vm.b:start")).toContain("vm.a:stop");
    expect((await lab.apply()).failures).toEqual([]);
  });

  test("stays where it is as long as the VM that has it is no part of the plan", async () => {
    await made(DATA, on("a", "data"), "vms.b = {}\n");
    await write(DATA, "vms.a = {}\n", on("b", "data"));
    expect(await refused({ targets: ["vm.b"] })).toEqual([
      "plan/volume-in-use: vm.b cannot take volume.data: vm.a still has it",
    ]);
    expect(await refused({ targets: ["volume.data"], replace: ["volume.data"] })).toEqual([
      "plan/volume-in-use: volume.data cannot go: vm.a still has it",
    ]);
  });
});

test("Wherever volumes move, each is where it is declared afterwards, and nothing waits in a ring", async () => {
  const place = fc.option(fc.nat(2), { nil: undefined });
  const step = fc.record({
    places: fc.tuple(place, place, place),
    without: fc.option(fc.nat(2), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 4 }), async (steps) => {
      lab = await FakeLab.create();
      try {
        for (const { places, without } of steps) {
          const vms = [0, 1, 2].filter((vm) => vm !== without);
          const of = (vm: number) => places.flatMap((at, volume) => (at === vm ? [`v${volume}`] : []));
          await write(
            ...places.map((_, volume) => `volumes.v${volume} = { size = "1GiB" }\n`),
            ...vms.map((vm) => on(`m${vm}`, ...of(vm))),
          );
          expect((await lab.apply()).failures).toEqual([]);
          for (const vm of vms) {
            const there = Object.keys(((await attached(`m${vm}`)) ?? {}) as object);
            expect(there).toEqual(of(vm));
          }
          expect(lines(await lab.plan())).toEqual([]);
        }
      } finally {
        await lab.remove();
      }
    }),
    { numRuns: 15 },
  );
}, 120_000);

test("What is wrong with volumes and shares is told where it stands", async () => {
  lab = await FakeLab.create(
    `${HEAD}${DATA}volumes.raw = { size = "1GiB", filesystem = "none" }\nvolumes.tiny = { size = 1000 }\n` +
      on("a", "data", "dta") +
      'vms.b.volumes = [{ name = "data" }, { name = "raw", mount = "/raw" }]\n' +
      'vms.c = { shares = [{ from = "../up", to = "/up" }, { from = "/usr", to = "/x" }, { from = "/etc", to = "/x" }] }\n' +
      'vms.d.volumes = [{ name = "raw", mode = "0700" }]\n',
  );
  const found = await lab.outcome().catch((error: unknown) => error as DiagnosticsError);
  expect(
    found.diagnostics.map(({ code, summary, range }) => `${range?.start.line} ${code}: ${summary}`),
  ).toEqual([
    "5 config/out-of-range: volume.tiny cannot have 1000 B",
    '6 config/unknown-reference: There is no volume "dta"',
    "7 config/volume-in-two-vms: vm.a and vm.b both have volume.data",
    "7 config/volume-not-mountable: volume.raw has no file system that vm.b could mount",
    "8 config/mount-clash: vm.c would mount both /usr and /etc at /x",
    "8 config/path-outside: ../up is outside of the lab's folder",
    "9 config/volume-not-mounted: mode of volume.raw in vm.d means nothing without mount",
    "8 config/no-9p: vm.c can hardly mount its shared folders: image.b has a kernel without 9p",
  ]);
});
