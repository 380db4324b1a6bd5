import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FakeLab } from "../../support/fake-lab.ts";
import { show } from "../config/memory-lab.ts";

let lab: FakeLab;
beforeEach(async () => {
  lab = await FakeLab.create();
});
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
c = { bootstrap = { distribution = "debian", suite = "trixie" } }
`;

const rewrite = (toml: string) => lab.write("lab.toml", HEAD + toml);

const applied = async (toml: string) => {
  await rewrite(toml);
  expect((await lab.apply()).failures).toEqual([]);
};

/** `replace vm.web: image b → c ← vm.db`. */
const changes = async (toml?: string) => {
  if (toml !== undefined) await rewrite(toml);
  return (await lab.plan()).changes.map(({ action, address, summary, reasons }) => {
    const triggers = reasons.flatMap((reason) => (reason.kind === "triggered" ? [reason.by] : []));
    return `${action} ${address}: ${summary}${triggers.length === 0 ? "" : ` ← ${triggers.join(", ")}`}`;
  });
};

const problems = async (toml: string) => {
  await rewrite(toml);
  return show((await lab.outcome()).diagnostics);
};

describe("prevent_destroy", () => {
  const vm = (prevent: boolean) => `[vms.web]\nlifecycle = { prevent_destroy = ${prevent} }\n`;

  test("is remembered: without its table the VM is protected still, until false was applied", async () => {
    await applied(vm(true));
    const refused = `plan/protected: vm.web is protected: this plan would delete it
  Because: stopped, then moved to the trash
  → Set lifecycle.prevent_destroy = false and apply that first, or leave it out with --exclude.`;
    expect(await problems("")).toBe(refused);
    await applied(vm(false));
    expect(await changes("")).toEqual([
      "delete vm.web: stopped, then moved to the trash",
      "forget image.b: not used by this lab any more; stays in the store",
    ]);
  });

  test("is remembered when it was added to a VM that exists, without touching it", async () => {
    await applied("[vms.web]\n");
    expect(await changes(vm(true))).toEqual([]);
    await lab.apply();
    expect(await problems("")).toContain("plan/protected");
  });
});

describe("ignore_changes", () => {
  const vm = (settings: string, ignored: string) =>
    `[vms.web]\n${settings}\nlifecycle = { ignore_changes = ${ignored} }\n`;

  test("leaves the named settings as they are, also when others change", async () => {
    const both = '["memory", "labels"]';
    await applied(vm('memory = "1GiB"\nlabels = { tier = "front" }', both));
    const wanted = vm('memory = "2GiB"\nlabels = { tier = "back" }', both);
    expect(await changes(wanted)).toEqual([]);
    await applied(wanted.replace("[vms.web]", "[vms.web]\ncpus = 2"));
    expect((await lab.machine("web")).attributes).toMatchObject({ cpus: 2, memory: 1024 ** 3 });
    expect((await lab.state())?.resources["vm.web"]?.inputs).toMatchObject({
      memory: 1024 ** 3,
      labels: { tier: "front" },
    });
    expect(await changes()).toEqual([]);
    // No longer ignored: what differs is planned.
    expect(await changes('[vms.web]\ncpus = 2\nmemory = "2GiB"\nlabels = { tier = "back" }\n')).toEqual([
      "update vm.web: memory 1 GiB → 2 GiB, labels +tier=back −tier=front (restart)",
    ]);
  });

  test("all ignores whatever is declared, but not that the machine is gone", async () => {
    await lab.write("a.sh", "a\n");
    await applied(vm('image = "b"', '"all"'));
    const other = vm(
      'image = "c"\nmemory = "4GiB"\nfirmware = "uefi"\npower = "stopped"\nscripts = ["a.sh"]',
      '"all"',
    );
    expect((await changes(other)).filter((change) => change.includes("vm.web"))).toEqual([]);
    await lab.disturb("web", { state: "absent" });
    expect(await changes()).toContain("create vm.web: the machine is gone; on c, 1 vCPU, 4 GiB, disk 10 GiB");
  });

  test("image ignores another image and the same one made anew", async () => {
    await applied(vm('image = "b"', '["image"]'));
    expect(await changes(vm('image = "c"', '["image"]'))).not.toContainEqual(
      expect.stringContaining("vm.web"),
    );
    const { changes: planned } = await lab.plan({ replace: ["vm.web"] });
    expect(planned.map(({ address, summary }) => [address, summary])).toContainEqual([
      "vm.web",
      "image b → c",
    ]);
  });

  test("of a sensitive value does not stand in the way of other changes", async () => {
    const secret = (value: string, cpus: number) =>
      `[vars.pin]\nsensitive = true\ndefault = "${value}"\n${vm(`cpus = ${cpus}\nlogin = { password = "\${vars.pin}" }`, '["login"]')}`;
    await applied(secret("first-pin", 1));
    expect(await changes(secret("other-pin", 1))).toEqual([]);
    await applied(secret("other-pin", 2));
    expect(await changes()).toEqual([]);
  });

  test("names settings that there are", async () => {
    expect(
      await problems(vm("", '["memroy", "count"]')),
    ).toBe(`lab.toml:7:33-41 config/unknown-reference: Changes of "memroy" cannot be ignored
  → Did you mean "memory"?
lab.toml:7:43-50 config/unknown-reference: Changes of "count" cannot be ignored
  It is no setting of the machine itself.`);
  });
});

describe("replace_triggered_by", () => {
  const toml = (db: string, triggers: string, more = "") =>
    `${more}[vms.db]\n${db}\n[vms.web]\nlifecycle = { replace_triggered_by = ${triggers} }\n`;

  test("replaces the VM after the other one, when that is changed or made anew", async () => {
    await applied(toml("", '["vm.db"]'));
    expect(await changes()).toEqual([]);
    expect(await changes(toml('memory = "2GiB"', '["vm.db"]'))).toEqual([
      "update vm.db: memory 1 GiB → 2 GiB (restart)",
      "replace vm.web:  ← vm.db",
    ]);
    const plan = await lab.plan({ replace: ["vm.db"] });
    expect(plan.changes.map(({ action, after_changes }) => [action, after_changes])).toEqual([
      ["replace", []],
      ["replace", [1]],
    ]);
    await lab.apply();
    expect(await changes()).toEqual([]);
  });

  test("is not forgotten when the other one was made anew and this one failed", async () => {
    await applied(toml("", '["vm.db"]'));
    await lab.faults({ failures: [{ step: "ready", name: "web" }] });
    expect((await lab.apply({ replace: ["vm.db"] })).failures).toHaveLength(1);
    await lab.faults({});
    expect(await changes()).toEqual(["replace vm.web:  ← vm.db"]);
    await lab.apply();
    expect(await changes()).toEqual([]);
  });

  test("follows a variable's value, but not its being named", async () => {
    const release = (value: string) => `[vars.release]\ndefault = "${value}"\n`;
    await applied(`${release("1")}[vms.db]\n[vms.web]\n`);
    expect(await changes(toml("", '["vars.release"]', release("1")))).toEqual([]);
    await lab.apply();
    expect(await changes(toml("", '["vars.release"]', release("2")))).toEqual([
      "replace vm.web:  ← vars.release",
    ]);
    await lab.apply();
    expect(await changes()).toEqual([]);
  });

  test("follows an image that is built anew and a secret that is made anew", async () => {
    const more = (command: string) =>
      `[images.tool]\nimage = "b"\nrun = ["${command}"]\n[secrets]\ntoken = {}\n`;
    const triggers = '["image.tool", "secret.token"]';
    await applied(toml('image = "tool"', triggers, more("one")));
    expect(await changes(toml('image = "tool"', triggers, more("two")))).toEqual([
      "replace image.tool: rebuild on image.b, 1 step",
      "replace vm.db: ",
      "replace vm.web:  ← image.tool",
    ]);
    await lab.apply();
    const { changes: asked } = await lab.plan({ replace: ["secret.token"] });
    expect(asked.map(({ address }) => address)).toEqual(["secret.token", "vm.web"]);
  });

  test("is explained", async () => {
    const { explain } = await import("../../../cli/render/reasons.ts");
    await applied(toml("", '["vm.db"]'));
    await rewrite(toml("cpus = 2", '["vm.db"]'));
    expect(explain(await lab.plan(), "vm.web")).toEqual([
      "vm.web is replaced (lab.toml:7)",
      "  because vm.db changes, which lifecycle.replace_triggered_by names",
    ]);
  });

  test("names what there is, and no circles", async () => {
    expect(
      await problems(toml("", '["vm.bd", "vars.x"]')),
    ).toBe(`lab.toml:8:39-46 config/unknown-reference: There is no VM "bd"
  → Did you mean "db"?
lab.toml:8:48-56 config/unknown-reference: There is no variable "x"
  → The lab declares no variables.`);
    expect(await problems(toml('depends_on = ["vm.web"]', '["vm.db"]'))).toContain(
      "plan/cycle: vm.db depends on itself",
    );
  });
});
