import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";
import { planPower } from "../../../engine/operate/power.ts";
import { makePlan } from "../../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../../engine/plan/options.ts";
import { readSavedPlan, writeSavedPlan } from "../../../engine/plan/saved-plan.ts";
import { type FakeLab, sensitiveOf } from "../../support/fake-lab.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const HEAD = FAKE_HEAD;
const never = () => new AbortController().signal;
const settings = {
  command: "apply",
  parallelism: 4,
  lockTimeoutMs: 0,
  graceful: never(),
  hard: never(),
  sensitiveVariables: {},
};
const refusal = (run: Promise<unknown>) =>
  run.then(
    () => undefined,
    (error: DiagnosticsError) => error.diagnostics[0],
  );

describe("when something fails", () => {
  test("the rest goes on, what needed it is skipped, and the next apply makes up for it", async () => {
    const lab = await create(`${HEAD}[vms.db]\n[vms.web]\ndepends_on = ["vm.db"]\n[vms.solo]\n`);
    await lab.faults({ failures: [{ step: "ready", name: "db", message: "no banner" }] });
    const outcome = await lab.apply();
    expect(outcome.counts).toEqual({
      created: 2,
      updated: 0,
      replaced: 0,
      deleted: 0,
      failed: 1,
      skipped: 1,
    });
    expect(
      outcome.failures.map(({ operation, diagnostics }) => [operation, diagnostics[0]?.summary]),
    ).toEqual([["vm.db:ready", "no banner"]]);
    expect(outcome.skipped.find((skip) => skip.address === "vm.web")?.because).toBe("vm.db failed");

    await lab.faults({});
    const plan = await lab.plan();
    expect(plan.operations.map((operation) => operation.id)).toEqual([
      "vm.db:ready",
      "vm.db:provision",
      "vm.web:create",
      "vm.web:start",
      "vm.web:ready",
      "vm.web:provision",
    ]);
    expect((await lab.apply()).failures).toEqual([]);
  });

  test("provisioning goes on from the failed step, without doing the others again", async () => {
    const lab = await create(`${HEAD}[vms.web]\nrun = ["one", "two", "three"]\n`);
    // The second step is the second call of provision: the first passes.
    await lab.apply({ excludes: ["vm.web"] });
    const workspace = await lab.workspace();
    const { plan } = await makePlan(workspace, DEFAULT_PLAN_OPTIONS);
    if (plan === undefined) throw new Error("no plan");
    let calls = 0;
    const vm = {
      ...workspace.providers.vm,
      provision: (...args: Parameters<typeof workspace.providers.vm.provision>) => {
        calls += 1;
        return calls === 2
          ? Promise.reject(new Error("broken pipe"))
          : workspace.providers.vm.provision(...args);
      },
    };
    const outcome = await applyPlan(
      { ...workspace, providers: { ...workspace.providers, vm } },
      plan,
      settings,
    );
    expect(outcome.failures[0]?.diagnostics[0]).toMatchObject({ code: "internal/bug", address: "vm.web" });
    expect((await lab.plan()).changes[0]).toMatchObject({
      action: "update",
      reasons: [{ kind: "resume", phase: "ready" }],
    });
    await lab.apply();
    expect((await lab.machine("web")).log).toEqual(["run one", "run two", "run three"]);
  });

  test("a replacement whose new machine never gets ready gives way to the old one", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.apply();
    const before = await lab.machine("web");
    await lab.write("lab.toml", `${HEAD}[vms.web]\nfirmware = "uefi"\n`);
    await lab.faults({ failures: [{ step: "ready", name: "web", message: "no banner" }] });
    const outcome = await lab.apply();
    expect(outcome.counts).toMatchObject({ replaced: 0, failed: 1 });
    const after = await lab.machine("web");
    expect([after.id, after.state]).toEqual([before.id, "running"]);
    expect(lab.events).toContainEqual({ type: "rolled-back", address: "vm.web", reason: "no banner" });
    const trash = await (await lab.workspace()).providers.vm.trash();
    expect(trash.map(({ name, reason }) => ({ name, reason }))).toEqual([
      { name: "web", reason: "no banner" },
    ]);
    expect((await lab.plan()).changes.map((change) => change.action)).toEqual(["replace"]);
  });

  test("--cleanup removes a VM that never got ready", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    await lab.faults({ failures: [{ step: "ready", name: "web" }] });
    await lab.apply({ cleanup: true });
    expect(await lab.machines()).toEqual([]);
    expect((await lab.state())?.resources["vm.web"]).toBeUndefined();
  });

  test("a script that changes after the plan is not run", async () => {
    const lab = await create(`${HEAD}[vms.web]\nscripts = ["setup.sh"]\n`.replace("[vms.web]", "[vms.web]"));
    await lab.write("setup.sh", "echo planned\n");
    const plan = await lab.plan();
    await lab.write("setup.sh", "echo changed\n");
    const outcome = await applyPlan(await lab.workspace(), plan, settings);
    expect(outcome.failures[0]?.diagnostics[0]).toMatchObject({
      code: "apply/file-changed",
      summary: "setup.sh changed since the plan was made",
    });
    expect((await lab.machine("web")).log).toEqual([]);
  });
});

describe("interrupts", () => {
  test("a graceful one finishes what runs and starts nothing new", async () => {
    const lab = await create(`${HEAD}[vms.a]\n[vms.b]\ndepends_on = ["vm.a"]\n`);
    const workspace = await lab.workspace();
    const graceful = new AbortController();
    const { plan } = await makePlan(workspace, DEFAULT_PLAN_OPTIONS);
    if (plan === undefined) throw new Error("no plan");
    const events = (event: (typeof lab.events)[number]) => {
      if (event.type === "operation-started" && event.operation.id === "vm.a:start") graceful.abort();
    };
    const outcome = await applyPlan({ ...workspace, events }, plan, {
      ...settings,
      graceful: graceful.signal,
    });
    expect(outcome).toMatchObject({ interrupted: true, failures: [] });
    expect((await lab.machine("a")).state).toBe("running");
    expect((await lab.machines()).map((machine) => machine.name)).toEqual(["a"]);
    expect((await lab.state())?.intents).toEqual({});
    await lab.apply();
    expect((await lab.plan()).changes).toEqual([]);
  });
});

describe("secrets", () => {
  const SECRET = `${HEAD}[secrets]\ntoken = { pattern = "[a-z]{20}" }\n[vars]\npassword = { sensitive = true, default = "correct horse" }\n[vms.web]\nenv = { TOKEN = "\${secrets.token}", PASSWORD = "\${vars.password}" }\nrun = ["echo \${secrets.token}"]\n[outputs]\ntoken = { value = "\${secrets.token}" }\n`;

  test("are made once, reach the guest, and appear in no event, plan or record", async () => {
    const lab = await create(SECRET);
    const first = await lab.plan();
    const outcome = await lab.apply();
    const state = await lab.state();
    const token = String(state?.resources["secret.token"]?.attributes.value);
    expect(token).toMatch(/^[a-z]{20}$/);
    expect(outcome.outputs).toEqual({ token: { value: token, sensitive: true } });
    await lab.write("lab.toml", SECRET.replace("run = [", 'memory = "2GiB"\nrun = ['));
    const second = await lab.plan();
    for (const text of [
      JSON.stringify(first),
      JSON.stringify(second),
      JSON.stringify(lab.events),
      JSON.stringify(state?.resources["vm.web"]),
    ]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain("correct horse");
    }
    await lab.apply();
    expect((await lab.state())?.resources["secret.token"]?.attributes.value).toBe(token);
  });

  test("a changed sensitive value runs provisioning again", async () => {
    const lab = await create(SECRET);
    await lab.apply();
    lab.setVariable("password=battery staple");
    const plan = await lab.plan();
    expect(plan.changes.map((change) => [change.address, change.summary])).toEqual([
      ["vm.web", "env changed"],
    ]);
    expect(JSON.stringify(plan)).not.toContain("battery");
    await lab.apply();
    expect((await lab.plan()).changes).toEqual([]);
  });
});

describe("a certificate authority", () => {
  const CLUSTER = `${HEAD}[secrets]
k8s_ca = { kind = "ca", common_name = "kubernetes" }
etcd = { kind = "cert", ca = "k8s_ca", hosts = ["cp"] }
[vms.cp]
env = { CA_HASH = "sha256:\${secrets.k8s_ca.spki_sha256}" }
files = [{ content = "\${secrets.k8s_ca.key}", to = "/etc/ca.key" }, { content = "\${secrets.etcd.cert}", to = "/etc/etcd.crt" }]
`;
  const secrets = async (lab: FakeLab) => {
    const resources = (await lab.state())?.resources ?? {};
    return { ca: resources["secret.k8s_ca"]?.attributes, etcd: resources["secret.etcd"]?.attributes };
  };
  const shown = ({ changes }: Awaited<ReturnType<FakeLab["plan"]>>) =>
    changes.map(({ address, action, summary }) => `${address} ${action}: ${summary}`);

  test("is made once, before what it signs and before the VMs that read it", async () => {
    const lab = await create(CLUSTER);
    const first = await lab.plan();
    expect(shown(first)).toEqual([
      "secret.k8s_ca create: generate ca",
      "image.base build: bootstrap debian bookworm",
      "secret.etcd create: generate cert",
      "vm.cp create: on base, 1 vCPU, 1 GiB, disk 10 GiB",
    ]);
    await lab.apply();
    const { ca, etcd } = await secrets(lab);
    const authority = new X509Certificate(String(ca?.cert));
    expect(new X509Certificate(String(etcd?.cert)).verify(authority.publicKey)).toBe(true);
    const second = await lab.plan();
    expect(shown(second)).toEqual([]);
    expect(await secrets(lab)).toEqual({ ca, etcd });
  });

  test("is known to the next plan by its hash, which is no secret; its key is one", async () => {
    const lab = await create(CLUSTER);
    await lab.apply();
    await lab.write("lab.toml", CLUSTER.replace("[vms.cp]", "[vms.cp]\ncpus = 2"));
    const { ca } = await secrets(lab);
    const plan = JSON.stringify(await lab.plan());
    expect(plan).toContain(`sha256:${String(ca?.spki_sha256)}`);
    const key = String(ca?.key).split("\n")[1] ?? "";
    expect(plan).not.toContain(key);
    expect(JSON.stringify([(await lab.state())?.resources["vm.cp"], lab.events])).not.toContain(key);
  });

  test("that is generated again takes its certificates and what reads it along", async () => {
    const lab = await create(CLUSTER);
    await lab.apply();
    const before = await secrets(lab);
    const plan = await lab.plan({ replace: ["secret.k8s_ca"] });
    expect(shown(plan)).toEqual([
      "secret.k8s_ca replace: generate again",
      "secret.etcd replace: generate again",
      `vm.cp update: env +CA_HASH=(known at apply) −CA_HASH=sha256:${String(before.ca?.spki_sha256)}, provisioning`,
    ]);
    expect(plan.changes[1]?.reasons).toEqual([{ kind: "dependency", address: "secret.k8s_ca" }]);
    await lab.apply({ replace: ["secret.k8s_ca"] });
    const after = await secrets(lab);
    expect(after.ca?.spki_sha256).not.toBe(before.ca?.spki_sha256);
    const authority = new X509Certificate(String(after.ca?.cert));
    expect(new X509Certificate(String(after.etcd?.cert)).verify(authority.publicKey)).toBe(true);
    expect(shown(await lab.plan())).toEqual([]);
  });
});

describe("saved plans", () => {
  const saved = async (toml = `${HEAD}[vms.web]\nscripts = ["setup.sh"]\n`) => {
    const lab = await create(toml);
    await lab.write("setup.sh", "true\n");
    const file = `${lab.root}/plan`;
    await writeSavedPlan(lab.effects(), file, await lab.plan());
    return { lab, file, read: async () => readSavedPlan(await lab.workspace(), file) };
  };

  test("are applied as they are", async () => {
    const { lab, read } = await saved();
    const outcome = await applyPlan(await lab.workspace(), await read(), settings);
    expect(outcome.counts.created).toBe(2);
    expect((await lab.plan()).changes).toEqual([]);
  });

  test("are refused after an edit of lab.toml, of a script, of the state, or of the plan itself", async () => {
    const { lab, file, read } = await saved();
    await lab.write("setup.sh", "false\n");
    expect(await refusal(read())).toMatchObject({
      code: "plan/stale",
      summary: `${file} does not fit any more: setup.sh changed`,
    });
    await lab.write("setup.sh", "true\n");
    await lab.write("lab.toml", `${HEAD}[vms.web]\nscripts = ["setup.sh"]\n# edited\n`);
    expect(await refusal(read())).toMatchObject({
      code: "plan/stale",
      summary: `${file} does not fit any more: lab.toml changed`,
    });
    await lab.write("lab.toml", `${HEAD}[vms.web]\nscripts = ["setup.sh"]\n`);
    await lab.apply();
    expect(await refusal(read())).toMatchObject({ code: "plan/stale" });
    await lab.write("../plan", (await lab.effects().files.readText(file)).replace('"web"', '"wob"'));
    expect(await refusal(read())).toMatchObject({ code: "plan/edited" });
  });

  test("take a sensitive variable again, and only the same one", async () => {
    const lab = await create(
      `${HEAD}[vars]\npassword = { sensitive = true, default = "one two" }\n[vms.web]\nlogin = { password = "\${vars.password}" }\n`,
    );
    const file = `${lab.root}/plan`;
    await writeSavedPlan(lab.effects(), file, await lab.plan());
    expect(await lab.effects().files.readText(file)).not.toContain("one two");
    const workspace = await lab.workspace();
    const plan = await readSavedPlan(workspace, file);
    const other = await applyPlan(workspace, plan, {
      ...settings,
      sensitiveVariables: { password: "other" },
    });
    expect(other.failures[0]?.diagnostics[0]).toMatchObject({ code: "apply/sensitive-input-differs" });
    await lab.apply({}, { sensitiveVariables: sensitiveOf(workspace) });
    expect((await lab.plan()).changes).toEqual([]);
  });
});

describe("power on request", () => {
  const power = async (lab: FakeLab, verb: "start" | "stop" | "restart", vms: string[]) => {
    const workspace = await lab.workspace();
    const { plan, diagnostics } = await planPower(workspace, verb, vms, { force: false });
    if (plan === undefined) return diagnostics;
    return (await applyPlan(workspace, plan, { ...settings, command: verb })).failures;
  };

  test("stop leaves an override that a plan only notes, start clears it", async () => {
    const lab = await create(`${HEAD}[vms.web]\nrun = ["once"]\n`);
    await lab.apply();
    expect(await power(lab, "stop", ["web"])).toEqual([]);
    expect(await lab.plan()).toMatchObject({ changes: [], notes: [{ address: "vm.web" }] });
    expect(await power(lab, "start", ["web"])).toEqual([]);
    expect((await lab.state())?.resources["vm.web"]).toMatchObject({ phase: "complete" });
    expect((await lab.state())?.resources["vm.web"]?.powerOverride).toBeUndefined();
    expect(await power(lab, "restart", ["web"])).toEqual([]);
    expect((await lab.machine("web")).log).toEqual(["run once"]);
    expect((await lab.plan()).notes).toEqual([]);
  });

  test("a change of the declared power clears the override", async () => {
    const lab = await create(`${HEAD}[vms.web]\npower = "manual"\n`);
    await lab.apply();
    await power(lab, "stop", ["web"]);
    await lab.write("lab.toml", `${HEAD}[vms.web]\npower = "running"\n`);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("running");
  });

  test("a VM that was never made is named with the command that makes it", async () => {
    const lab = await create(`${HEAD}[vms.web]\n`);
    expect(await power(lab, "start", ["web"])).toMatchObject([
      { code: "operate/not-made", hint: "`vmlab apply --target vm.web` makes it." },
    ]);
  });
});
