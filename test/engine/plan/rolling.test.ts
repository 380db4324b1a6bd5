import { afterEach, describe, expect, test } from "@jest/globals";
import { FakeLab } from "../../support/fake-lab.ts";
import { show } from "../config/memory-lab.ts";

let lab: FakeLab;
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

/** An environment of a control plane and `count` workers; the firmware replaces, the memory restarts. */
const k8s = (settings: string, count = 3, max = 1) => `${HEAD}[environments.k8s]
strategy = { max_unavailable = ${max} }
defaults = { ${settings} }
vms.cp = {}
vms.worker = { count = ${count} }
`;

const REPLACE = 'firmware = "uefi"';

const waits = async () =>
  (await lab.plan()).changes.map(({ address, action, after_changes }) => [address, action, after_changes]);

const given = async (toml: string) => {
  lab = await FakeLab.create(toml);
  await lab.apply();
};

/** What happened, as `cp stop`, in the order in which it began. */
const started = () =>
  lab.events.flatMap((event) =>
    event.type === "operation-started" && event.operation.address.startsWith("vm.")
      ? [`${event.operation.address.slice("vm.k8s-".length)} ${event.operation.step}`]
      : [],
  );

describe("max_unavailable", () => {
  test("one: each waits for the one before, also in the plan", async () => {
    await given(k8s(""));
    await lab.write("lab.toml", k8s(REPLACE));
    expect(await waits()).toEqual([
      ["vm.k8s-cp", "replace", []],
      ["vm.k8s-worker-1", "replace", [1]],
      ["vm.k8s-worker-2", "replace", [2]],
      ["vm.k8s-worker-3", "replace", [3]],
    ]);
    lab.events.length = 0;
    await lab.apply();
    const steps = ["create", "stop", "start", "ready"];
    expect(started().filter((line) => /create|stop|start|ready/.test(line))).toEqual(
      ["cp", "worker-1", "worker-2", "worker-3"].flatMap((name) => steps.map((step) => `${name} ${step}`)),
    );
  });

  test("two: never more than two are away at a time, however long each takes", async () => {
    await given(k8s("", 5, 2));
    await lab.write("lab.toml", k8s(REPLACE, 5, 2));
    expect((await waits()).map(([, , after]) => after)).toEqual([[], [], [1], [1, 2], [2, 3], [3, 4]]);
    await lab.faults({ delays: { ready: 3 } });
    lab.events.length = 0;
    await lab.apply();
    let away = 0;
    let most = 0;
    for (const event of lab.events) {
      if (event.type === "operation-started" && event.operation.step === "create") away++;
      if (event.type === "operation-finished" && event.operation.step === "provision") away--;
      most = Math.max(most, away);
    }
    expect(most).toBe(2);
  });

  test("rules restarts too, and neither new members nor live changes", async () => {
    await given(k8s("", 2));
    await lab.write("lab.toml", k8s('memory = "2GiB"', 3));
    expect(await waits()).toEqual([
      ["vm.k8s-cp", "update", []],
      ["vm.k8s-worker-1", "update", [1]],
      ["vm.k8s-worker-2", "update", [2]],
      ["vm.k8s-worker-3", "create", []],
    ]);
    await lab.apply();
    await lab.write("lab.toml", k8s('memory = "2GiB", labels = { a = "b" }', 3));
    expect((await waits()).map(([, , after]) => after)).toEqual([[], [], [], []]);
  });

  test("a failure leaves the rest as it was, and the next apply goes on there", async () => {
    await given(k8s(""));
    const before = Object.fromEntries((await lab.machines()).map(({ name, id }) => [name, id]));
    await lab.write("lab.toml", k8s(REPLACE));
    await lab.faults({ failures: [{ step: "ready", name: "k8s-worker-1" }] });
    const outcome = await lab.apply();
    expect(outcome.failures.map(({ operation }) => operation)).toEqual(["vm.k8s-worker-1:ready"]);
    expect(outcome.skipped.map(({ operation, because }) => `${operation}: ${because}`)).toEqual(
      expect.arrayContaining([
        "vm.k8s-worker-2:create: vm.k8s-worker-1 failed",
        "vm.k8s-worker-3:create: vm.k8s-worker-1 failed",
      ]),
    );
    const after = Object.fromEntries(
      (await lab.machines()).map(({ name, id, state }) => [name, `${id} ${state}`]),
    );
    expect(after["k8s-cp"]).not.toContain(before["k8s-cp"]);
    // The old machine of the one that failed runs again.
    for (const name of ["k8s-worker-1", "k8s-worker-2", "k8s-worker-3"])
      expect(after[name]).toBe(`${before[name]} running`);
    await lab.faults({});
    expect((await waits()).map(([address, action]) => `${address} ${action}`)).toEqual([
      "vm.k8s-worker-1 replace",
      "vm.k8s-worker-2 replace",
      "vm.k8s-worker-3 replace",
    ]);
    expect((await lab.apply()).failures).toEqual([]);
  });

  test("with two at a time a failure leaves out whoever has not begun", async () => {
    await given(k8s("", 5, 2));
    await lab.write("lab.toml", k8s(REPLACE, 5, 2));
    await lab.faults({ failures: [{ step: "ready", name: "k8s-worker-1" }], delays: { create: 1 } });
    const { skipped } = await lab.apply();
    expect(
      [...new Set(skipped.map(({ address }) => address))].filter((one) => one !== "vm.k8s-worker-1"),
    ).toEqual(expect.arrayContaining(["vm.k8s-worker-3", "vm.k8s-worker-4", "vm.k8s-worker-5"]));
  });

  test("of a counted VM is its own, whatever the environment says", async () => {
    const toml = (settings: string) => `${HEAD}[environments.k8s]
strategy = { max_unavailable = 3 }
defaults = { ${settings} }
vms.cp = {}
vms.worker = { count = 3, strategy = { max_unavailable = "\${vars.at_once}" } }
[vars]
at_once = { default = 1 }
`;
    await given(toml(""));
    await lab.write("lab.toml", toml(REPLACE));
    expect((await waits()).map(([, , after]) => after)).toEqual([[], [], [2], [3]]);
  });

  test.each([
    [
      "[vms.web]\nstrategy = { max_unavailable = 1 }\n",
      `lab.toml:5:1-9 config/not-allowed-here: strategy is for several VMs
  → Add count or for_each, or write it in the environment's table.`,
    ],
    [
      '[vars]\nn = { default = 0 }\n[vms.web]\ncount = 2\nstrategy = { max_unavailable = "${vars.n}" }\n',
      `lab.toml:8:32-43 config/out-of-range: max_unavailable cannot be 0
  Nothing could ever be replaced or restarted.`,
    ],
  ])("%j is refused", async (toml, message) => {
    lab = await FakeLab.create(HEAD + toml);
    expect(show((await lab.outcome()).diagnostics)).toBe(message);
  });
});
