import { afterEach, describe, expect, test } from "@jest/globals";
import { terraformPlanJson } from "../../../engine/plan/terraform-json.ts";
import { FakeLab } from "../../support/fake-lab.ts";
import { show } from "../config/memory-lab.ts";

let lab: FakeLab;
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

const moved = (...pairs: [from: string, to: string][]) =>
  pairs.map(([from, to]) => `[[moved]]\nfrom = "${from}"\nto = "${to}"\n`).join("");

const rewrite = (toml: string) => lab.write("lab.toml", HEAD + toml);

const changes = async () =>
  (await lab.plan()).changes.map(({ action, address, summary, previousAddress }) =>
    [action, address, summary, ...(previousAddress === undefined ? [] : [previousAddress])].join(" | "),
  );

/** Everything that a diagnostic says. */
const refused = async () => show((await lab.outcome()).diagnostics);

const ids = async () => Object.fromEntries((await lab.machines()).map(({ name, id }) => [name, id]));

describe("a VM that is moved", () => {
  test("stays the machine it is and takes the new name, and the next plan is empty", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.frontend]\n[vms.db]\ndepends_on = ["vm.frontend"]\n`);
    await lab.apply();
    const before = await ids();
    await rewrite(`[vms.web]\n[vms.db]\ndepends_on = ["vm.web"]\n${moved(["vm.frontend", "vm.web"])}`);
    const plan = await lab.plan();
    expect(plan.operations.map(({ id }) => id)).toEqual(["vm.web:move", "vm.web:update"]);
    expect(await changes()).toEqual(["move | vm.web | was vm.frontend | vm.frontend"]);
    expect(plan.dataLoss).toEqual([]);
    const { counts } = await lab.apply();
    expect(counts).toMatchObject({ created: 0, updated: 1, replaced: 0, deleted: 0 });
    expect(await ids()).toEqual({ web: before.frontend, db: before.db });
    const { resources = {} } = (await lab.state()) ?? {};
    expect(Object.keys(resources).sort()).toEqual(["image.b", "vm.db", "vm.web"]);
    expect(resources["vm.web"]).toMatchObject({ name: "web", attributes: { name: "web" } });
    expect(resources["vm.db"]?.dependsOn).toContain("vm.web");
    expect(await changes()).toEqual([]);
  });

  test("is moved and changed at once, and told to Terraform's readers", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\nmemory = "1GiB"\n`);
    await lab.apply();
    await rewrite(`[vms.b]\nmemory = "2GiB"\n${moved(["vm.a", "vm.b"])}`);
    const plan = await lab.plan();
    expect(await changes()).toEqual(["update | vm.b | name a → b, memory 1 GiB → 2 GiB (restart) | vm.a"]);
    expect(plan.operations.map(({ step }) => step)).toEqual(["move", "stop", "update", "start", "ready"]);
    const json = terraformPlanJson(plan, await lab.state()) as {
      resource_changes: { address: string }[];
      planned_values: { root_module: { resources: { address: string }[] } };
    };
    expect(json.resource_changes).toMatchObject([
      { address: "vm.b", previous_address: "vm.a", change: { actions: ["update"] } },
    ]);
    expect(json.planned_values.root_module.resources.map(({ address }) => address).sort()).toEqual([
      "image.b",
      "vm.b",
    ]);
  });

  test("keeps its address and its interface in a network, and the others learn the name", async () => {
    const net = '[networks.lan]\ncidr = "10.9.0.0/24"\n';
    const on = 'networks = [{ name = "lan" }]';
    lab = await FakeLab.create(`${HEAD}${net}[vms.z]\n${on}\n[vms.a]\n${on}\n`);
    await lab.apply();
    const before = (await lab.state())?.resources["vm.a"]?.inputs.networks;
    await rewrite(`${net}[vms.z]\n${on}\n[vms.b]\n${on}\n${moved(["vm.a", "vm.b"])}`);
    expect(await changes()).toEqual([
      "update | network.lan | names +b −a (live)",
      "move | vm.b | was vm.a | vm.a",
    ]);
    await lab.apply();
    expect((await lab.state())?.resources["vm.b"]?.inputs.networks).toEqual(before);
    expect(await changes()).toEqual([]);
  });

  test("into count and out of it again keeps the machine", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    const { web } = await ids();
    await rewrite(`[vms.web]\ncount = 2\n${moved(["vm.web", "vm.web-1"])}`);
    expect(await changes()).toEqual([
      "move | vm.web-1 | was vm.web | vm.web",
      "create | vm.web-2 | on b, 1 vCPU, 1 GiB, disk 10 GiB",
    ]);
    await lab.apply();
    expect((await ids())["web-1"]).toBe(web);
    await rewrite(`[vms.web]\n${moved(["vm.web-1", "vm.web"])}`);
    await lab.apply();
    expect(await ids()).toEqual({ web });
  });

  test("into an environment and along a chain of moves ends at the last name", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.one]\n`);
    await lab.apply();
    const { one } = await ids();
    await rewrite(`[environments.k8s.vms.cp]\n${moved(["vm.two", "vm.k8s-cp"], ["vm.one", "vm.two"])}`);
    expect(await changes()).toEqual(["move | vm.k8s-cp | was vm.one | vm.one"]);
    await lab.apply();
    expect(await ids()).toEqual({ "k8s-cp": one });
  });

  test("whose name the guest could not take is asked again, without a second move", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n`);
    await lab.apply();
    await rewrite(`[vms.b]\n${moved(["vm.a", "vm.b"])}`);
    await lab.faults({ failures: [{ step: "update", name: "b" }] });
    expect((await lab.apply()).failures).toHaveLength(1);
    await lab.faults({});
    expect(await changes()).toEqual(["update | vm.b | name a → b (live)"]);
    await lab.apply();
    expect(await changes()).toEqual([]);
  });

  test("is moved also when it is no target, and deleted under its new address when it goes", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n[vms.c]\n`);
    await lab.apply();
    await rewrite(`[vms.b]\n[vms.c]\n${moved(["vm.a", "vm.b"])}`);
    await lab.apply({ targets: ["vm.c"] });
    expect(Object.keys((await lab.state())?.resources ?? {})).toContain("vm.b");
    expect(await changes()).toEqual(["update | vm.b | name a → b (live)"]);
    await rewrite(`[vms.c]\n${moved(["vm.b", "vm.d"])}`);
    expect(await changes()).toEqual(["delete | vm.d | stopped, then moved to the trash | vm.b"]);
  });
});

describe("what is no machine", () => {
  test("secrets keep their value and images their bytes", async () => {
    lab = await FakeLab.create(
      `${HEAD}[secrets]\nold = {}\n[vms.web]\nenv = { TOKEN = "\${secrets.old}" }\n`,
    );
    await lab.apply();
    const value = (await lab.state())?.resources["secret.old"]?.attributes.value;
    await lab.write(
      "lab.toml",
      `lab = { name = "demo", provider = "fake", image = "c" }
[images]
c = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[secrets]
new = {}
[vms.web]
env = { TOKEN = "\${secrets.new}" }
${moved(["secret.old", "secret.new"], ["image.b", "image.c"])}`,
    );
    expect(await changes()).toEqual([
      "move | secret.new | was secret.old | secret.old",
      "move | image.c | was image.b | image.b",
      "update | vm.web | image b → c (live)",
    ]);
    await lab.apply();
    expect((await lab.state())?.resources["secret.new"]?.attributes.value).toBe(value);
    expect(await changes()).toEqual([]);
  });
});

describe("a move that cannot be", () => {
  test.each([
    [
      "of what is declared still",
      `[vms.a]\n[vms.b]\n${moved(["vm.a", "vm.b"])}`,
      `lab.toml:7:8-14 config/moved-still-declared: vm.a is moved to vm.b, and declared all the same
  lab.toml:4:6 declared here
  → Rename the table to that of vm.b, or take this [[moved]] out.`,
    ],
    [
      "to another type",
      `[vms.b]\n${moved(["vm.a", "image.x"])}`,
      `lab.toml:7:6-15 config/bad-move: vm.a cannot become image.x
  A resource keeps its type.`,
    ],
    [
      "to two places",
      `[vms.b]\n[vms.c]\n${moved(["vm.a", "vm.b"], ["vm.a", "vm.c"])}`,
      `lab.toml:10:8-14 config/bad-move: vm.a is moved twice
  lab.toml:6:3 to vm.b here
  → Keep one of them.`,
    ],
    [
      "in a circle",
      moved(["vm.x", "vm.a"], ["vm.a", "vm.b"], ["vm.b", "vm.a"]),
      `lab.toml:7:3-8 config/bad-move: Moves go round in a circle: vm.a → vm.b → vm.a
  → Take one of them out. To exchange two resources, move one to a new name.`,
    ],
    [
      "to what is no address",
      moved(["a", "vm.b"]),
      `lab.toml:5:8-11 config/bad-value: moved[0].from cannot be "a"
  moved[0].from takes an address such as "vm.web", "vm.k8s-worker-1" or "secret.token".`,
    ],
  ])("%s", async (_, toml, message) => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n`);
    await lab.apply();
    await rewrite(toml);
    expect(await refused().catch((error) => show(error.diagnostics))).toBe(message);
  });

  test("to what exists names both places", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n[vms.b]\n`);
    await lab.apply();
    await rewrite(`[vms.b]\n${moved(["vm.a", "vm.b"])}`);
    expect(await refused()).toBe(`lab.toml:6:8-14 plan/move-taken: vm.a cannot become vm.b: vm.b exists
  vm.a and vm.b are two resources in the state.
  lab.toml:4:6 vm.b is here
  → Take this [[moved]] out (vm.a is then deleted, unless it is declared), or give vm.b another address first.`);
  });

  test("to where another goes names both moves", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n[vms.b]\n`);
    await lab.apply();
    await rewrite(`[vms.c]\n${moved(["vm.a", "vm.c"], ["vm.b", "vm.c"])}`);
    expect(await refused()).toBe(`lab.toml:9:8-14 plan/move-taken: vm.b cannot become vm.c: vm.a becomes it
  vm.b and vm.a are two resources in the state.
  lab.toml:5:3 vm.a is here
  → Take this [[moved]] out (vm.b is then deleted, unless it is declared), or give vm.a another address first.`);
  });

  test("is no hindrance to a destroy, which takes what is recorded", async () => {
    lab = await FakeLab.create(`${HEAD}[vms.a]\n`);
    await lab.apply();
    await rewrite(`[vms.b]\n${moved(["vm.a", "vm.b"])}`);
    const { changes: destroyed } = await lab.plan({ mode: "destroy" });
    expect(destroyed.map(({ address }) => address)).toEqual(["vm.a", "image.b"]);
  });
});
