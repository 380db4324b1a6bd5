/** Situations in which a simpler engine would lose, double or surprise. */
import { describe, expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";
import { planPower } from "../../../engine/operate/power.ts";
import { type FakeLab, sensitiveOf } from "../../support/fake-lab.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const HEAD = FAKE_HEAD;
const never = () => new AbortController().signal;
const power = async (lab: FakeLab, verb: "start" | "stop" | "restart", vms: string[]) => {
  const workspace = await lab.workspace();
  const { plan, diagnostics } = await planPower(workspace, verb, vms, { force: false });
  if (plan === undefined) return diagnostics.map((diagnostic) => diagnostic.code);
  const settings = { command: verb, parallelism: 4, lockTimeoutMs: 0, graceful: never(), hard: never() };
  const outcome = await applyPlan(workspace, plan, {
    ...settings,
    sensitiveVariables: sensitiveOf(workspace),
  });
  return outcome.failures.map((failure) => failure.diagnostics[0]?.code);
};
const changes = async (lab: FakeLab) =>
  (await lab.plan()).changes.map((change) => `${change.action} ${change.address}`);

describe("images", () => {
  test("one that is lost from the store is got again, and no VM is replaced for it", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    const digest = (await lab.state())?.resources["image.base"]?.instance ?? "";
    await (await lab.world()).putImage({ digest, key: "", present: false });
    expect(await changes(lab)).toEqual(["build image.base"]);
    const before = await lab.machine("web");
    await lab.apply();
    expect((await lab.machine("web")).id).toBe(before.id);
    expect(await changes(lab)).toEqual([]);
  });
});

describe("replacements", () => {
  test("when the old machine cannot start again either, other work goes on and the next apply starts it", async () => {
    const lab = await create(`${HEAD}[vms.web]\n[vms.other]\n`);
    await lab.apply();
    await lab.faults({ failures: [{ step: "start", name: "web", message: "port 8080 is taken" }] });
    expect((await lab.apply({ replace: ["vm.web"] })).counts.failed).toBe(1);
    expect(await power(lab, "stop", ["other"])).toEqual([]);
    await lab.faults({});
    expect(await changes(lab)).toEqual(["update vm.web"]);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("running");
    expect((await lab.apply({ mode: "destroy" })).state).toBeUndefined();
  });

  test("a machine that is off stays off when it is replaced", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    await lab.disturb("web", { state: "stopped", clean: true });
    await lab.apply({ replace: ["vm.web"] });
    expect(await changes(lab)).toEqual([]);
    expect((await lab.machine("web")).state).toBe("stopped");
  });

  test("what is left of a machine that was never finished goes before it is made anew", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    await lab.disturb("web", { state: "incomplete" });
    await lab.apply();
    expect((await lab.machines()).map((machine) => machine.state)).toEqual(["running"]);
  });
});

describe("provisioning", () => {
  test('steps that changed under on_change = "ignore" are not run by a restart or a resume', async () => {
    const vm = (command: string, memory = "1GiB") =>
      `${HEAD}[vms.web]\nmemory = "${memory}"\non_change = "ignore"\nrun = ["${command}"]\n`;
    const lab = await create(vm("one"));
    await lab.apply();
    await lab.write("lab.toml", vm("two"));
    await lab.apply();
    expect(await power(lab, "restart", ["web"])).toEqual([]);
    await lab.write("lab.toml", vm("two", "2GiB"));
    await lab.apply();
    expect((await lab.machine("web")).log).toEqual(["run one"]);
    expect(await changes(lab)).toEqual([]);
  });

  test("a start does not provision with another sensitive value than the one that was applied", async () => {
    const lab = await create(
      `${HEAD}[vars]\ntoken = { sensitive = true, default = "" }\n[vms.web]\nenv = { TOKEN = "\${vars.token}" }\nrun = ["login"]\n`,
    );
    lab.setVariable("token=right one");
    await lab.faults({ failures: [{ step: "provision", name: "web" }] });
    await lab.apply();
    await lab.faults({});
    lab.setVariable("token=");
    expect(await power(lab, "start", ["web"])).toEqual(["apply/sensitive-input-missing"]);
    expect((await lab.machine("web")).log).toEqual([]);
  });
});

describe("power", () => {
  test('a VM with power = "manual" whose restart was cut short runs again after the next apply', async () => {
    const vm = (memory: string) => `${HEAD}[vms.web]\npower = "manual"\nmemory = "${memory}"\n`;
    const lab = await create(vm("1GiB"));
    await lab.apply();
    await lab.write("lab.toml", vm("2GiB"));
    await lab.faults({ failures: [{ step: "update", name: "web" }] });
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("stopped");
    await lab.faults({});
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("running");
  });
});

describe("order and selection", () => {
  test("a host port is taken only after the VM that gives it up has stopped", async () => {
    const lab = await create(`${HEAD}[vms.web]\nports = ["8080:80"]\n`);
    await lab.apply();
    await lab.write("lab.toml", `${HEAD}[vms.www]\nports = ["8080:80"]\n`);
    const plan = await lab.plan();
    expect(plan.operations.find((operation) => operation.id === "vm.www:start")?.after).toEqual([
      "vm.web:stop",
    ]);
  });

  test("targeting something that goes away takes what stands on it along, and not what it stood on", async () => {
    const lab = await create(`${HEAD}[vms.db]\n[vms.web]\ndepends_on = ["vm.db"]\n`);
    await lab.apply();
    await lab.write("lab.toml", HEAD);
    const targeted = async (target: string) =>
      (await lab.plan({ targets: [target] })).changes.map((change) => change.address);
    expect(await targeted("vm.web")).toEqual(["vm.web"]);
    expect(await targeted("vm.db")).toEqual(["vm.web", "vm.db"]);
  });

  test("machines of another provider are not lost sight of", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    const workspace = await lab.workspace();
    const vm = { ...workspace.providers.vm, name: "qemu" };
    const { makePlan } = await import("../../../engine/plan/make-plan.ts");
    const { DEFAULT_PLAN_OPTIONS } = await import("../../../engine/plan/options.ts");
    const outcome = await makePlan(
      { ...workspace, providers: { ...workspace.providers, vm } },
      { ...DEFAULT_PLAN_OPTIONS, mode: "destroy" },
    );
    expect(outcome.diagnostics).toMatchObject([{ code: "plan/other-provider", address: "vm.web" }]);
  });

  test("what reads a port sees that it will change with the port's declaration", async () => {
    const lab = (ports: string) =>
      `${HEAD}[vms.a]\nports = ["${ports}"]\n[vms.b]\nenv = { PORT = "\${vms.a.ports['80']}" }\nrun = ["x"]\n`;
    const both = await create(lab("8080:80"));
    await both.apply();
    await both.write("lab.toml", lab("80"));
    await both.apply();
    expect(await changes(both)).toEqual([]);
  });
});

describe("saved plans", () => {
  test("do not fit any more when an include finds a new file", async () => {
    const { readSavedPlan, writeSavedPlan } = await import("../../../engine/plan/saved-plan.ts");
    const lab = await create(
      HEAD.replace('provider = "fake"', 'provider = "fake", include = ["envs/*.toml"]'),
    );
    await lab.write("envs/a.toml", "[vms.a]\n");
    const file = `${lab.root}/plan`;
    await writeSavedPlan(lab.effects(), file, await lab.plan());
    expect((await readSavedPlan(await lab.workspace(), file)).changes).toHaveLength(2);
    await lab.write("envs/b.toml", "[vms.b]\n");
    const refused = await readSavedPlan(await lab.workspace(), file).catch(
      (error: DiagnosticsError) => error.diagnostics[0]?.summary,
    );
    expect(refused).toBe(`${file} does not fit any more: envs/b.toml was added`);
  });
});
