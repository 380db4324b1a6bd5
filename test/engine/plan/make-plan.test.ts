import { describe, expect, test } from "@jest/globals";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const HEAD = FAKE_HEAD;
const WEB = `${HEAD}[vms.web]
memory = "1GiB"
`;

const summary = (plan: Plan) =>
  plan.changes.map(
    (change) =>
      `${change.action} ${change.address}: ${change.summary}${change.place === undefined ? "" : ` (${change.place})`}`,
  );
const steps = (plan: Plan) => plan.operations.map((operation) => operation.id);
const refusal = (run: Promise<unknown>) =>
  run.then(
    () => [],
    (error: DiagnosticsError) =>
      error.diagnostics.map((diagnostic) => `${diagnostic.code}: ${diagnostic.summary}`),
  );

describe("a plan of a new lab", () => {
  test("makes images before the VMs on them, each VM through all its steps", async () => {
    const plan = await (await create(WEB)).plan();
    expect(summary(plan)).toEqual([
      "build image.base: bootstrap debian bookworm (lab.toml:3)",
      "create vm.web: on base, 1 vCPU, 1 GiB, disk 10 GiB (lab.toml:4)",
    ]);
    expect(steps(plan)).toEqual([
      "image.base:obtain",
      "vm.web:create",
      "vm.web:start",
      "vm.web:ready",
      "vm.web:provision",
    ]);
    expect(plan.operations[1]?.needs).toEqual(["image.base:obtain"]);
    expect(plan.changes[1]?.after_changes).toEqual([1]);
  });

  test("leaves out images that no VM needs", async () => {
    const plan = await (
      await create(
        `${HEAD}spare = { bootstrap = { distribution = "debian", suite = "trixie" } }\n[vms.web]\n`,
      )
    ).plan();
    expect(plan.changes.map((change) => change.address)).toEqual(["image.base", "vm.web"]);
  });

  test("does not start a VM that is declared stopped", async () => {
    const plan = await (await create(`${WEB}power = "stopped"\n`)).plan();
    expect(steps(plan)).toEqual(["image.base:obtain", "vm.web:create"]);
  });
});

describe("a plan of an applied lab", () => {
  test("is empty", async () => {
    const lab = await create(WEB);
    expect((await lab.apply()).counts).toEqual({
      created: 2,
      updated: 0,
      replaced: 0,
      deleted: 0,
      failed: 0,
      skipped: 0,
    });
    const plan = await lab.plan();
    expect([plan.changes, plan.operations, plan.notes, plan.unchanged]).toEqual([[], [], [], 2]);
  });

  test.each([
    [
      "memory",
      `${HEAD}[vms.web]\nmemory = "2GiB"\n`,
      "update vm.web: memory 1 GiB → 2 GiB (restart) (lab.toml:4)",
      ["stop", "update", "start", "ready"],
    ],
    [
      "a bigger disk",
      `${WEB}disk = "20GiB"\n`,
      "update vm.web: disk 10 GiB → 20 GiB (grown in place) (lab.toml:4)",
      ["update"],
    ],
    [
      "a port",
      `${WEB}ports = ["8080:80"]\n`,
      "update vm.web: ports +8080:80 (live) (lab.toml:4)",
      ["update"],
    ],
    [
      "firmware",
      `${WEB}firmware = "uefi"\n`,
      "replace vm.web: firmware bios → uefi (lab.toml:4)",
      ["create", "stop", "start", "ready", "retire", "provision"],
    ],
    [
      "a run step",
      `${WEB}run = ["true"]\n`,
      "update vm.web: provisioning (lab.toml:4)",
      ["update", "provision"],
    ],
  ])("a change of %s is carried out as the schema says", async (_name, toml, change, expected) => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.write("lab.toml", toml);
    const plan = await lab.plan();
    expect(summary(plan)).toEqual([change]);
    expect(plan.operations.map((operation) => operation.step)).toEqual(expected);
    expect((await lab.apply()).failures).toEqual([]);
    expect((await lab.plan()).changes).toEqual([]);
  });

  test("a new image below a VM replaces the VM and says why", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.write("lab.toml", WEB.replace("bookworm", "trixie"));
    const plan = await lab.plan();
    expect(summary(plan)).toEqual([
      "replace image.base: bootstrap debian trixie (lab.toml:3)",
      "replace vm.web:  (lab.toml:4)",
    ]);
    expect(plan.changes[1]?.reasons).toEqual([{ kind: "dependency", address: "image.base" }]);
    expect(plan.dataLoss).toEqual([{ address: "vm.web", what: "disk", size: 10 * 1024 ** 3, final: false }]);
  });

  test("a shrinking disk is refused", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.write("lab.toml", `${WEB}disk = "5GiB"\n`);
    expect(await refusal(lab.plan())).toEqual([
      "plan/disk-cannot-shrink: the disk of vm.web cannot shrink from 10 GiB to 5 GiB",
    ]);
  });

  test("a VM that is no longer declared goes, its dependents first", async () => {
    const lab = await create(`${HEAD}[vms.db]\n[vms.web]\ndepends_on = ["vm.db"]\n`);
    await lab.apply();
    await lab.write("lab.toml", `${HEAD}`);
    const plan = await lab.plan();
    expect(steps(plan)).toEqual([
      "vm.web:stop",
      "vm.web:delete",
      "vm.db:stop",
      "vm.db:delete",
      "image.base:forget",
    ]);
    expect(plan.operations.find((operation) => operation.id === "vm.db:stop")?.needs).toEqual([
      "vm.web:delete",
    ]);
  });

  test("a protected VM is neither deleted nor replaced", async () => {
    const lab = await create(`${WEB}lifecycle = { prevent_destroy = true }\n`);
    await lab.apply();
    expect(await refusal(lab.plan({ mode: "destroy" }))).toEqual([
      "plan/protected: vm.web is protected: this plan would delete it",
    ]);
    expect(await refusal(lab.plan({ replace: ["vm.web"] }))).toEqual([
      "plan/protected: vm.web is protected: this plan would replace it",
    ]);
  });
});

describe("drift and power", () => {
  test("a VM that died is started", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.disturb("web", { state: "stopped", clean: false });
    const plan = await lab.plan();
    expect(summary(plan)).toEqual(["start vm.web: the pretend machine crashed (lab.toml:4)"]);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("running");
  });

  test("a poweroff from inside is a note, and stays one after apply", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.disturb("web", { state: "stopped", clean: true });
    const note = [{ address: "vm.web", text: "was powered off from inside; `vmlab start web` starts it" }];
    expect(await lab.plan()).toMatchObject({ changes: [], notes: note });
    await lab.apply();
    expect((await lab.state())?.resources["vm.web"]?.powerOverride).toMatchObject({
      state: "stopped",
      by: "guest",
    });
    expect(await lab.plan()).toMatchObject({ changes: [], notes: note });
    expect((await lab.machine("web")).state).toBe("stopped");
  });

  test("a VM that is gone is made again", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.disturb("web", { state: "absent" });
    expect(summary(await lab.plan())).toEqual([
      "create vm.web: the machine is gone; on base, 1 vCPU, 1 GiB, disk 10 GiB (lab.toml:4)",
    ]);
  });

  test("updating a stopped VM leaves it stopped", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.disturb("web", { state: "stopped", clean: true });
    await lab.write("lab.toml", WEB.replace("1GiB", "2GiB"));
    expect(steps(await lab.plan())).toEqual(["vm.web:update"]);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("stopped");
    expect((await lab.plan()).changes).toEqual([]);
  });

  test("refresh-only records what it finds and changes nothing", async () => {
    const lab = await create(WEB);
    await lab.apply();
    await lab.disturb("web", { state: "stopped", clean: true });
    await lab.write("lab.toml", WEB.replace("1GiB", "2GiB"));
    await lab.apply({ mode: "refresh-only" });
    const state = await lab.state();
    expect(state?.resources["vm.web"]?.powerOverride?.by).toBe("guest");
    expect(state?.resources["vm.web"]?.inputs.memory).toBe(1024 ** 3);
  });
});

describe("selection", () => {
  const TWO = `${HEAD}[vms.a]\n[vms.b]\ndepends_on = ["vm.a"]\n`;
  test("a target brings what it depends on", async () => {
    const lab = await create(TWO);
    expect((await lab.plan({ targets: ["vm.a"] })).changes.map((change) => change.address)).toEqual([
      "image.base",
      "vm.a",
    ]);
    expect(await refusal(lab.plan({ targets: ["vm.c"] }))).toEqual([
      'plan/no-such-target: "vm.c" matches nothing in lab.toml or the state',
    ]);
  });

  test("a cycle is named in full", async () => {
    const lab = await create(`${HEAD}[vms.a]\ndepends_on = ["vm.b"]\n[vms.b]\ndepends_on = ["vm.a"]\n`);
    const outcome = await lab.outcome();
    expect(outcome.diagnostics).toMatchObject([{ code: "plan/cycle", detail: "vm.a → vm.b → vm.a" }]);
  });
});
