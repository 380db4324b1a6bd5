import { describe, expect, test } from "@jest/globals";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();

/** base → role.docker → image.web → two VMs, and beside it role.observer with a VM. */
const CHAIN = `${FAKE_HEAD}
[images.web]
role = "docker"
scripts = ["scripts/web.sh"]
[roles.docker]
packages = ["docker.io"]
run = ["docker --version"]
[roles.observer]
packages = ["sysstat"]
[vms.a]
image = "web"
[vms.b]
image = "web"
[vms.d]
role = "docker"
[vms.o]
role = "observer"
`;
const SCRIPT = "#!/bin/sh\necho one\necho two\n";

async function chain() {
  const lab = await create(CHAIN);
  await lab.write("scripts/web.sh", SCRIPT);
  return lab;
}

const told = (plan: Plan) =>
  plan.changes.map(({ action, address, reasons }) => {
    const why = reasons.map((reason) => {
      switch (reason.kind) {
        case "file":
          return `${reason.path} changed`;
        case "dependency":
          return reason.address;
        case "attribute":
          return reason.path;
        case "requested":
          return reason.by;
        case "drift":
          return reason.what;
        default:
          return reason.kind;
      }
    });
    return `${action} ${address} ← ${why.join(", ")}`;
  });

describe("roles and custom images", () => {
  test("are built in the order in which they stand on each other, and then left alone", async () => {
    const lab = await chain();
    const plan = await lab.plan();
    expect(plan.changes.map(({ address, action, summary }) => `${action} ${address}: ${summary}`)).toEqual([
      "build image.base: bootstrap debian bookworm",
      "build role.docker: build on image.base, 2 steps",
      "build role.observer: build on image.base, 1 step",
      "build image.web: build on role.docker, 1 step",
      "create vm.d: on docker, 1 vCPU, 1 GiB, disk 10 GiB",
      "create vm.o: on observer, 1 vCPU, 1 GiB, disk 10 GiB",
      "create vm.a: on web, 1 vCPU, 1 GiB, disk 10 GiB",
      "create vm.b: on web, 1 vCPU, 1 GiB, disk 10 GiB",
    ]);
    expect((await lab.apply()).failures).toEqual([]);
    expect(told(await lab.plan())).toEqual([]);
    const state = await lab.state();
    expect(state?.resources["image.web"]?.attributes).toMatchObject({
      parent: state?.resources["role.docker"]?.instance,
      parent_key: state?.resources["role.docker"]?.attributes.key,
    });
    expect(state?.resources["vm.a"]?.attributes.base).toBe(state?.resources["image.web"]?.instance);
  });

  test("a changed script rebuilds its image and what stands on it, and says so; going back costs nothing", async () => {
    const lab = await chain();
    await lab.apply();
    const first = (await lab.state())?.resources["image.web"]?.instance;
    await lab.write("scripts/web.sh", SCRIPT.replace("two", "three"));
    const plan = await lab.plan();
    expect(told(plan)).toEqual([
      "replace image.web ← scripts/web.sh changed",
      "replace vm.a ← image.web",
      "replace vm.b ← image.web",
    ]);
    expect(plan.changes[0]?.reasons[0]).toEqual({
      kind: "file",
      path: "scripts/web.sh",
      added: 1,
      removed: 1,
      diff: ["@@ -1,3 +1,3 @@", " #!/bin/sh", " echo one", "-echo two", "+echo three"],
    });

    await lab.write("scripts/web.sh", SCRIPT);
    expect(told(await lab.plan())).toEqual([]);

    await lab.write("scripts/web.sh", SCRIPT.replace("two", "three"));
    expect((await lab.apply()).failures).toEqual([]);
    await lab.write("scripts/web.sh", SCRIPT);
    const back = await lab.plan();
    expect(back.changes[0]?.summary).toBe("already in the store");
    expect((await lab.apply()).failures).toEqual([]);
    expect((await lab.state())?.resources["image.web"]?.instance).toBe(first);
  });

  test("a changed role replans what stands on it and nothing else", async () => {
    const lab = await chain();
    await lab.apply();
    await lab.write("lab.toml", CHAIN.replace("docker.io", 'docker.io", "git'));
    expect(told(await lab.plan())).toEqual([
      "replace role.docker ← build.steps",
      "replace image.web ← role.docker",
      "replace vm.d ← role.docker",
      "replace vm.a ← image.web",
      "replace vm.b ← image.web",
    ]);
  });

  test("how fast an image is built does not matter to it", async () => {
    const lab = await chain();
    await lab.apply();
    await lab.write("lab.toml", CHAIN.replace("[roles.docker]\n", "[roles.docker]\ncpus = 4\n"));
    expect(told(await lab.plan())).toEqual(["update role.docker ← build.cpus"]);
    await lab.apply();
    expect(told(await lab.plan())).toEqual([]);
  });

  test("a new template version plans nothing until --upgrade", async () => {
    const lab = await chain();
    await lab.apply();
    await lab.faults({ template: 2 });
    expect(told(await lab.plan())).toEqual([]);
    expect(told(await lab.plan({ upgrade: ["role.docker"] }))).toEqual([
      "replace role.docker ← --upgrade",
      "replace image.web ← role.docker",
      "replace vm.d ← role.docker",
      "replace vm.a ← image.web",
      "replace vm.b ← image.web",
    ]);
    await lab.apply({ upgrade: ["role.docker"] });
    expect(told(await lab.plan())).toEqual([]);
  });

  test("--replace of the base makes everything on it anew", async () => {
    const lab = await chain();
    await lab.apply();
    const plan = await lab.plan({ replace: ["role.observer"] });
    expect(told(plan)).toEqual(["replace role.observer ← --replace", "replace vm.o ← role.observer"]);
  });

  test("are not built for being declared", async () => {
    const lab = await create(CHAIN.replace('[vms.o]\nrole = "observer"\n', ""));
    await lab.write("scripts/web.sh", SCRIPT);
    expect((await lab.plan()).changes.map(({ address }) => address)).not.toContain("role.observer");
  });

  test("that nothing uses any more are given up, not deleted", async () => {
    const lab = await chain();
    await lab.apply();
    await lab.write("lab.toml", CHAIN.replace('[vms.o]\nrole = "observer"\n', ""));
    expect(told(await lab.plan())).toEqual(["delete vm.o ← removed", "forget role.observer ← removed"]);
  });
});

describe("a role whose image is missing", () => {
  const policy = (value: string) => `${FAKE_HEAD}
[roles.docker]
packages = ["docker.io"]
[vms.web]
role = "docker"
run = ["own"]
on_missing_image = "${value}"
`;

  test("is an error where the VM asks for that", async () => {
    const lab = await create(policy("error"));
    const refused = await lab.plan().catch((error: DiagnosticsError) => error.diagnostics);
    expect(refused).toMatchObject([{ code: "plan/image-missing", address: "vm.web" }]);
    await lab.write("lab.toml", policy("build"));
    await lab.apply();
    await lab.write("lab.toml", policy("error"));
    expect(told(await lab.plan())).toEqual(["update vm.web ← on_missing_image"]);
  });

  test("falls back to the image below, and stays there until --upgrade", async () => {
    const lab = await create(policy("fallback"));
    const plan = await lab.plan();
    expect(plan.changes.map(({ address, summary }) => `${address}: ${summary}`)).toEqual([
      "image.base: bootstrap debian bookworm",
      "vm.web: on image.base, then docker, 1 vCPU, 1 GiB, disk 10 GiB",
    ]);
    expect(plan.notes).toMatchObject([{ address: "vm.web" }]);
    await lab.apply();
    expect((await lab.machine("web")).log.join("\n")).toMatch(/docker\.io.*own/s);
    const again = await lab.plan();
    expect(told(again)).toEqual([]);
    expect(again.notes).toMatchObject([{ address: "vm.web" }]);
    expect(told(await lab.plan({ upgrade: ["vm.web"] }))).toEqual([
      "build role.docker ← new",
      "replace vm.web ← fallback",
    ]);
    expect((await lab.apply({ upgrade: ["vm.web"] })).failures).toEqual([]);
    expect(told(await lab.plan())).toEqual([]);
  });

  test("is built where --replace or --upgrade asks for the role, also for VMs that may fall back", async () => {
    const lab = await create(policy("build"));
    await lab.apply();
    await lab.write("lab.toml", policy("fallback"));
    await lab.apply();
    await lab.faults({ template: 2 });
    const rebuilt = (by: string) => [`replace role.docker ← ${by}`, "replace vm.web ← role.docker"];
    expect(told(await lab.plan())).toEqual([]);
    expect(told(await lab.plan({ replace: ["role.docker"] }))).toEqual(rebuilt("--replace"));
    expect(told(await lab.plan({ upgrade: ["role.docker"] }))).toEqual(rebuilt("--upgrade"));
    expect(told(await lab.plan({ upgrade: "all" }))).toEqual(rebuilt("--upgrade"));
  });

  test("leaves a VM on the image that it fell back to, also when one between is built", async () => {
    const between = `${policy("fallback").replace('role = "docker"', 'role = "ci"')}
[roles.ci]
extends = "docker"
packages = ["git"]
`;
    const lab = await create(between);
    await lab.apply();
    await lab.write("lab.toml", `${between}[vms.other]\nrole = "docker"\n`);
    expect(told(await lab.plan())).toEqual(["build role.docker ← new", "create vm.other ← new"]);
    await lab.apply();
    expect(told(await lab.plan())).toEqual([]);
  });

  test("is no error once it is there, also for a VM that fell back before", async () => {
    const lab = await create(policy("fallback"));
    await lab.apply();
    await lab.write("lab.toml", `${policy("fallback")}[vms.other]\nrole = "docker"\n`);
    await lab.apply();
    await lab.write("lab.toml", `${policy("error")}[vms.other]\nrole = "docker"\n`);
    expect(told(await lab.plan())).toEqual(["replace vm.web ← fallback"]);
  });
});
