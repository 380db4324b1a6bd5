import { afterEach, describe, expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { FakeLab } from "../../support/fake-lab.ts";
import { show } from "../config/memory-lab.ts";

const labs: FakeLab[] = [];
afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.remove()));
});

const HEAD = (suite = "bookworm") => `lab = { name = "demo", provider = "fake", image = "b" }
[images]
b = { bootstrap = { distribution = "debian", suite = "${suite}" } }
`;

const create = async (toml: string) => {
  const lab = await FakeLab.create(HEAD() + toml);
  labs.push(lab);
  return lab;
};

const changes = async (lab: FakeLab, options = {}) =>
  (await lab.plan(options)).changes.map(({ action, address, summary }) => `${action} ${address}: ${summary}`);

const refused = async (lab: FakeLab) => {
  try {
    return show((await lab.outcome()).diagnostics);
  } catch (error) {
    if (isDiagnosticsError(error)) return show(error.diagnostics);
    throw error;
  }
};

const REMOVED = '[[removed]]\nfrom = "vm.web"\n';
const imports = (id: string, to = "vm.web") => `[[imports]]\nto = "${to}"\nid = "${id}"\n`;

describe("a removed VM", () => {
  test("is forgotten and goes on running, and the table can stay", async () => {
    const lab = await create("[vms.web]\n[vms.db]\n");
    await lab.apply();
    const { id } = await lab.machine("web");
    await lab.write("lab.toml", `${HEAD()}[vms.db]\n${REMOVED}`);
    expect(await changes(lab)).toEqual([
      `forget vm.web: stays as it is; \`vmlab import vm.web ${id}\` takes it back`,
    ]);
    expect((await lab.plan()).dataLoss).toEqual([]);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("running");
    expect(Object.keys((await lab.state())?.resources ?? {})).toEqual(["image.b", "vm.db"]);
    expect(await changes(lab)).toEqual([]);
  });

  test("is forgotten by a destroy too, protected or not", async () => {
    const lab = await create("[vms.web]\nlifecycle = { prevent_destroy = true }\n");
    await lab.apply();
    await lab.write("lab.toml", `${HEAD()}${REMOVED}`);
    expect((await changes(lab, { mode: "destroy" }))[0]).toMatch(/^forget vm\.web: stays as it is/);
    await lab.apply({ mode: "destroy" });
    expect((await lab.machine("web")).state).toBe("running");
  });

  test("that has a volume is told to go on using it", async () => {
    const volume = '[volumes.data]\nsize = "1GiB"\n';
    const lab = await create(`${volume}[vms.web]\nvolumes = [{ name = "data" }]\n`);
    await lab.apply();
    await lab.write("lab.toml", `${HEAD()}${volume}${REMOVED}`);
    expect((await lab.plan()).notes).toEqual([
      { address: "vm.web", text: "goes on using volume.data: let it go there before another VM gets it" },
    ]);
  });

  test("is deleted with destroy = true", async () => {
    const lab = await create("[vms.web]\n");
    await lab.apply();
    await lab.write("lab.toml", `${HEAD()}${REMOVED}destroy = true\n`);
    expect((await changes(lab))[0]).toBe("delete vm.web: stopped, then moved to the trash");
  });

  test("may not be declared", async () => {
    const lab = await create(`[vms.web]\n${REMOVED}`);
    expect(
      await refused(lab),
    ).toBe(`lab.toml:6:8-16 config/removed-still-declared: vm.web is removed, and declared all the same
  lab.toml:4:6 declared here
  → Take its table out, or this [[removed]].`);
  });
});

/** A lab whose machine web was forgotten; with the machine's id. */
const forgotten = async (settings = "") => {
  const lab = await create(`[vms.web]\n${settings}`);
  await lab.apply();
  const { id } = await lab.machine("web");
  await lab.write("lab.toml", `${HEAD()}${REMOVED}`);
  await lab.apply();
  return { lab, id };
};

describe("an import", () => {
  test("takes a forgotten machine back as it is, and is done when repeated", async () => {
    const { lab, id } = await forgotten();
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n${imports(id)}`);
    const plan = await lab.plan();
    expect(plan.operations.map((operation) => operation.id)).toEqual([
      "image.b:obtain",
      "vm.web:import",
      "vm.web:update",
    ]);
    expect((await changes(lab))[1]).toBe(`import vm.web: machine ${id}, running`);
    expect((await lab.apply()).failures).toEqual([]);
    expect(await lab.machine("web")).toMatchObject({ id, state: "running" });
    expect((await lab.state())?.resources["vm.web"]).toMatchObject({
      instance: id,
      phase: "complete",
      provisioned: true,
    });
    expect(await changes(lab)).toEqual([]);
  });

  test("under another name and with other settings plans what differs", async () => {
    const { lab, id } = await forgotten('memory = "1GiB"\n');
    await lab.write("a.sh", "a\n");
    await lab.write(
      "lab.toml",
      `${HEAD()}[vms.front]\nmemory = "2GiB"\nscripts = ["a.sh"]\n${imports(id, "vm.front")}`,
    );
    expect((await changes(lab))[1]).toBe(
      `import vm.front: machine ${id}, running; name web → front, memory 1 GiB → 2 GiB`,
    );
    expect((await lab.apply()).failures).toEqual([]);
    expect(await lab.machine("front")).toMatchObject({
      id,
      state: "running",
      attributes: { memory: 2 * 1024 ** 3 },
      // What was provisioned counts as done.
      log: [],
    });
    expect(await changes(lab)).toEqual([]);
  });

  test("of a machine that is off leaves it off", async () => {
    const { lab, id } = await forgotten();
    await lab.disturb("web", { state: "stopped" });
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n${imports(id)}`);
    await lab.apply();
    expect((await lab.machine("web")).state).toBe("stopped");
    const { changes: none, notes } = await lab.plan();
    expect({ none, notes }).toEqual({
      none: [],
      notes: [{ address: "vm.web", text: "is stopped on request; `vmlab start web` starts it" }],
    });
  });

  test("of a machine that only a new one could be like is refused", async () => {
    const { lab, id } = await forgotten();
    await lab.write("lab.toml", `${HEAD("trixie")}[vms.web]\n${imports(id)}`);
    expect(
      await refused(lab),
    ).toBe(`plan/import-differs: The machine ${id} cannot become vm.web as it is declared
  Only a new machine could be so: it does not stand on image.b.
  → Declare what it is (image, firmware, machine, login.user), or let lifecycle.ignore_changes name what may differ.`);
    await lab.write("lab.toml", `${HEAD()}[vms.web]\nlogin = { user = "root" }\n${imports(id)}`);
    expect(await refused(lab)).toContain("Only a new machine could be so: login.user vmlab → root.");
  });

  test("of what is not there, is taken, or is somebody else's is refused with its place", async () => {
    const { lab, id } = await forgotten();
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n${imports("0123456789ab")}`);
    expect(
      await refused(lab),
    ).toBe(`lab.toml:5:3-10 plan/cannot-import: There is no machine 0123456789ab on this host
  → \`vmlab doctor\` lists machines that no state knows; \`vmlab trash list\` those that were deleted.`);

    await lab.write("lab.toml", `${HEAD()}[vms.web]\n[vms.db]\n`);
    await lab.apply();
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n[vms.db]\n${imports(id)}`);
    const { id: present } = (await lab.machines()).find((one) => one.name === "web" && one.id !== id) ?? {};
    expect(await refused(lab)).toBe(`lab.toml:6:3-10 plan/cannot-import: vm.web exists already
  It is the machine ${present}.
  → Take this import out, or import to another address.`);

    const db = (await lab.machine("db")).id;
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n[vms.db]\n[vms.x]\n${imports(db, "vm.x")}`);
    expect(await refused(lab)).toContain(`plan/cannot-import: The machine ${db} is vm.db of this lab\n`);

    await lab.write("lab.toml", `${HEAD()}${imports(id, "vm.wbe")}[vms.web]\n`);
    expect(
      await refused(lab),
    ).toBe(`lab.toml:5:6-14 config/unknown-reference: vm.wbe, which is to be imported, is not declared
  → Did you mean "vm.web"?`);
  });

  test("of another lab's machine names that lab", async () => {
    const other = await create("[vms.web]\n");
    await other.apply();
    const { id } = await other.machine("web");
    const lab = await create(`[vms.mine]\n${imports(id, "vm.mine")}`);
    Object.assign(lab, { homeFolder: other.homeFolder });
    expect(await refused(lab)).toContain(
      `plan/cannot-import: The machine ${id} is vm.web of the lab demo (${other.folder})\n`,
    );
    await other.write("lab.toml", `${HEAD()}${REMOVED}`);
    await other.apply();
    expect((await lab.apply()).failures).toEqual([]);
    expect(await other.machine("mine")).toMatchObject({ id, state: "running" });
  });

  test("is looked at again when it is carried out", async () => {
    const { lab, id } = await forgotten();
    await lab.write("lab.toml", `${HEAD()}[vms.web]\n${imports(id)}`);
    const plan = await lab.plan();
    await lab.disturb("web", { state: "absent" });
    const { signal } = new AbortController();
    const { failures } = await applyPlan(await lab.workspace(), plan, {
      command: "apply",
      parallelism: 10,
      lockTimeoutMs: 0,
      graceful: signal,
      hard: signal,
      sensitiveVariables: {},
    });
    expect(failures.map(({ operation, diagnostics }) => [operation, diagnostics[0]?.summary])).toEqual([
      ["vm.web:import", `There is no machine ${id} on this host`],
    ]);
  });
});
