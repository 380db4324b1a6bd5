import { afterEach, describe, expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import { terraformPlanJson } from "../../../engine/plan/terraform-json.ts";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab;
afterEach(() => lab.remove());

const toml = (image: string, more = "") => `lab = { name = "demo", provider = "fake" }
[images]
one = { bootstrap = { distribution = "debian", suite = "bookworm" } }
two = { bootstrap = { distribution = "debian", suite = "trixie" } }
[vms.web]
image = "${image}"
${more}
`;

describe("an image that no VM stands on any more", () => {
  test("is forgotten only after the VM has moved to the other, and kept when that fails", async () => {
    lab = await FakeLab.create(toml("one"));
    await lab.apply();
    await lab.write("lab.toml", toml("two"));
    const plan = await lab.plan();
    expect(plan.operations.find(({ id }) => id === "image.one:forget")?.needs).toEqual(["vm.web:provision"]);
    expect(plan.changes.map(({ address, after_changes }) => [address, after_changes])).toEqual([
      ["image.two", []],
      ["vm.web", [1]],
      ["image.one", [2]],
    ]);
    await lab.faults({ failures: [{ step: "ready", name: "web" }] });
    expect((await lab.apply()).failures).toHaveLength(1);
    expect(Object.keys((await lab.state())?.resources ?? {}).sort()).toEqual([
      "image.one",
      "image.two",
      "vm.web",
    ]);
  });
});

describe("a cloud-config file whose content changed", () => {
  test("replaces the VM, and is named as the reason", async () => {
    lab = await FakeLab.create(toml("one", 'cloud_init = "web.yaml"'));
    await lab.write("web.yaml", "#cloud-config\npackages: [git]\n");
    await lab.apply();
    expect((await lab.plan()).changes).toEqual([]);
    await lab.write("web.yaml", "#cloud-config\npackages: [make]\n");
    const plan = await lab.plan();
    expect(plan.changes.map(({ address, action, summary }) => [address, action, summary])).toEqual([
      ["vm.web", "replace", "cloud_init changed"],
    ]);
    expect(plan.changes[0]?.reasons).toEqual([
      { kind: "attribute", path: "cloud_init", change: "replace" },
      {
        kind: "file",
        path: "web.yaml",
        added: 1,
        removed: 1,
        diff: ["@@ -1,2 +1,2 @@", " #cloud-config", "-packages: [git]", "+packages: [make]"],
      },
    ]);
    await lab.apply();
    expect((await lab.plan()).changes).toEqual([]);
  });

  test("is not used when it changed again after planning", async () => {
    lab = await FakeLab.create(toml("one", 'cloud_init = "web.yaml"'));
    await lab.write("web.yaml", "#cloud-config\npackages: [git]\n");
    const plan = await lab.plan();
    await lab.write("web.yaml", "#cloud-config\npackages: [make]\n");
    const signal = new AbortController().signal;
    const outcome = await applyPlan(await lab.workspace(), plan, {
      command: "apply",
      parallelism: 4,
      lockTimeoutMs: 0,
      graceful: signal,
      hard: signal,
      sensitiveVariables: {},
    });
    expect(outcome.failures.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code))).toEqual([
      "apply/file-changed",
    ]);
    expect(await lab.machines()).toEqual([]);
  });
});

describe("a script whose content changed", () => {
  test("is named as the reason", async () => {
    lab = await FakeLab.create(toml("one", 'scripts = ["a.sh", "b.sh"]'));
    await lab.write("a.sh", "a\n");
    await lab.write("b.sh", "b\n");
    await lab.apply();
    await lab.write("b.sh", "c\n");
    const [change] = (await lab.plan()).changes;
    expect(change?.reasons).toEqual([
      { kind: "attribute", path: "steps", change: "provision" },
      { kind: "file", path: "b.sh", added: 1, removed: 1, diff: ["@@ -1,1 +1,1 @@", "-b", "+c"] },
    ]);
    await lab.write("lab.toml", toml("one", 'scripts = ["a.sh", "b.sh"]\non_change = "replace"'));
    const [replace] = (await lab.plan()).changes;
    expect(replace?.reasons).toEqual([
      { kind: "attribute", path: "steps", change: "replace" },
      { kind: "file", path: "b.sh", added: 1, removed: 1, diff: ["@@ -1,1 +1,1 @@", "-b", "+c"] },
    ]);
  });
});

describe("a file that not everybody in the guest may read", () => {
  const file = (mode: string) => toml("one", `files = [{ from = "key", to = "/etc/key", mode = "${mode}" }]`);
  const reasons = async () => (await lab?.plan())?.changes.flatMap((change) => change.reasons);

  test("is named as the reason, and its text is neither kept nor shown", async () => {
    lab = await FakeLab.create(file("0600"));
    await lab.write("key", "first secret\n");
    await lab.apply();
    await lab.write("key", "second secret\n");
    expect(await reasons()).toContainEqual({ kind: "file", path: "key" });
    await lab.write("lab.toml", file("0644"));
    await lab.apply();
    await lab.write("lab.toml", file("0600"));
    await lab.write("key", "third secret\n");
    expect(await reasons()).toContainEqual({ kind: "file", path: "key" });
  });
});

describe("an output that reads a port which the kernel chooses", () => {
  test("is computed after the machine was replaced", async () => {
    const more = `ports = ["80"]\n[outputs]\nweb = { value = "\${vms.web.ports['80']}" }`;
    lab = await FakeLab.create(toml("one", more));
    const first = await lab.apply();
    const before = first.outputs.web?.value;
    expect(before).toEqual(expect.any(Number));
    await lab.write("lab.toml", toml("two", more));
    const plan = await lab.plan();
    expect(terraformPlanJson(plan, await lab.state()).output_changes).toMatchObject({
      web: { actions: ["update"], before, after: null, after_unknown: true },
    });
    const { outputs, state } = await lab.apply();
    const ports = state?.resources["vm.web"]?.attributes.ports as Record<string, number>;
    expect(ports["80"]).not.toBe(before);
    expect(outputs.web?.value).toBe(ports["80"]);
    expect((await lab.plan()).outputs).toMatchObject([{ value: ports["80"] }]);
  });
});

describe("an output in the plan's JSON", () => {
  test("is no-op when its value stays", async () => {
    const outputs = (port: string) => `[outputs]\nsame = { value = "x" }\nother = { value = "${port}" }\n`;
    lab = await FakeLab.create(`${toml("one")}${outputs("1")}`);
    await lab.apply();
    await lab.write("lab.toml", `${toml("one")}${outputs("2")}`);
    expect(terraformPlanJson(await lab.plan(), await lab.state()).output_changes).toMatchObject({
      same: { actions: ["no-op"], before: "x", after: "x" },
      other: { actions: ["update"], before: "1", after: "2" },
    });
  });
});
