import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { homeFrom } from "../../engine/home.ts";
import { FakeWorld } from "../../providers/fake/world.ts";
import { CliLab } from "./cli-lab.ts";

const TOML = `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vms.db]
[vms.web]
depends_on = ["vm.db"]
[vms.mon]
`;

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(TOML);
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

const states = async () =>
  Object.fromEntries(
    (JSON.parse(await lab.succeed("list", "--json")) as { name: string; state: string; note?: string }[]).map(
      ({ name, state, note }) => [name, note === undefined ? state : `${state}: ${note}`],
    ),
  );
const notes = async () =>
  (await lab.succeed("plan")).split("\n").filter((line) => line.startsWith("Note:") || line.includes("~"));
/** The lines of the outcome table. */
const table = (stdout: string) =>
  stdout
    .slice(stdout.search(/^(LAB +)?NAME /m))
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +\d+m?s/, "").trimEnd());
const faults = (failures: readonly object[]) =>
  writeFile(join(lab.home, "fake", "faults.json"), JSON.stringify({ failures }));
/** As a host that went down leaves a machine. */
async function crash(name: string): Promise<void> {
  const world = new FakeWorld(lab.effects(), homeFrom({ VMLAB_HOME: lab.home }));
  for (const machine of (await world.machines()).values())
    if (machine.name === name && machine.state === "running")
      await world.put({ ...machine, state: "stopped", clean: false });
}

test("a paused VM is said to be so by whoever needs it, stays so, and goes on", async () => {
  expect(table((await lab.vmlab(["pause", "web", "mon"])).stdout)).toEqual([
    "NAME  RESULT  TIME",
    "mon   paused",
    "web   paused",
  ]);
  expect(await states()).toEqual({
    db: "running",
    mon: "paused: paused by a command",
    web: "paused: paused by a command",
  });
  expect(await notes()).toEqual([
    "Note: vm.mon is paused on request; `vmlab resume mon` lets it go on",
    "Note: vm.web is paused on request; `vmlab resume web` lets it go on",
  ]);
  await lab.succeed("apply", "--yes");
  expect(await lab.succeed("pause", "web")).toBe("web is already paused.\n");
  const refused = `Error: vm.web is paused [vm/paused]
  Its guest stands still, and answers nobody.
  Hint: "vmlab resume web" lets it go on.
`;
  for (const args of [
    ["exec", "web", "--", "true"],
    ["ssh", "web"],
    ["cp", "lab.toml", "web:"],
  ])
    expect((await lab.vmlab(args)).stderr).toBe(refused);
  const waited = await lab.vmlab(["wait", "web"]);
  expect([waited.code, waited.stdout.includes("vm.web is paused [vm/paused]")]).toEqual([1, true]);

  await lab.succeed("resume", "web");
  await lab.succeed("start", "mon");
  expect(await states()).toEqual({ db: "running", mon: "running", web: "running" });
  expect(await notes()).toEqual([]);
  expect(await lab.succeed("resume", "--all")).toBe("All 3 VMs are already running.\n");

  // One that stood still and died was not made to be off.
  await lab.succeed("pause", "mon");
  await crash("mon");
  expect(await notes()).toEqual([expect.stringMatching(/~ {2}vm\.mon {2}the pretend machine crashed/)]);
});

test("a suspended VM stays off until it is resumed; its memory is given up on request only", async () => {
  await lab.succeed("suspend", "web");
  expect((await states()).web).toBe("suspended: suspended by a command");
  expect(await notes()).toEqual(["Note: vm.web is suspended on request; `vmlab resume web` lets it go on"]);
  await lab.succeed("apply", "--yes");
  expect(await lab.succeed("suspend", "web")).toBe("web is already suspended.\n");
  expect((await lab.vmlab(["stop", "web"])).stderr).toBe(`Error: vm.web is suspended [operate/suspended]
  It is off, with its memory saved: what its guest has not written yet is only there.
  Hint: \`vmlab resume web\` lets it go on; then it can be stopped. \`vmlab stop web --force\` gives its memory up, as a power cut would.
`);
  expect((await lab.vmlab(["exec", "web", "--", "true"])).stderr).toContain(
    "vm.web is suspended [vm/suspended]",
  );
  // What its memory would not fit is refused; what a guest does not see is carried out.
  await lab.write("lab.toml", TOML.replace("[vms.mon]", 'memory = "2GiB"\n[vms.mon]'));
  expect((await lab.vmlab(["plan"])).stderr).toContain(
    "vm.web is suspended, and its saved memory does not fit this change: memory 1 GiB → 2 GiB [plan/vm-suspended]",
  );
  await lab.write("lab.toml", TOML.replace("[vms.mon]", 'labels = { a = "b" }\n[vms.mon]'));
  await lab.succeed("apply", "--yes");
  expect((await states()).web).toBe("suspended: suspended by a command");
  await lab.succeed("resume", "web");
  expect((await states()).web).toBe("running");

  await lab.succeed("suspend", "web");
  await lab.succeed("stop", "web", "--force");
  expect((await states()).web).toBe("stopped: stopped by a command");
  expect(
    (await lab.vmlab(["resume", "web"])).stderr,
  ).toBe(`Error: vm.web is off: there is nothing to resume [operate/not-running]
  Hint: \`vmlab start web\` starts it.
`);
  await lab.succeed("start", "web");
  await lab.succeed("suspend", "web");
  expect(await lab.succeed("plan", "--destroy")).toContain("vm.web saved memory");
});

test("a VM that cannot be started fails by itself, with what needs it, before anything is done", async () => {
  await lab.succeed("stop", "--all");
  await faults([{ step: "check-start", name: "db", message: "its disk is damaged" }]);
  const { code, stdout } = await lab.vmlab(["start", "--all"]);
  expect([code, ...table(stdout)]).toEqual(
    [
      1,
      "NAME  RESULT   TIME  WHY",
      "db    failed         its disk is damaged",
      "mon   started",
      "web   skipped        vm.db failed",
    ].map((line) => (typeof line === "string" ? expect.stringMatching(line.replaceAll(/ +/g, " +")) : line)),
  );
  expect(await states()).toMatchObject({ mon: "running" });
  const events = (await lab.vmlab(["start", "--all", "--json"])).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const ends = events.filter(({ type }) => /failed|skipped|note/.test(type));
  expect(ends).toMatchObject([
    {
      type: "operation-failed",
      operation: { address: "vm.db" },
      diagnostics: [{ summary: "its disk is damaged" }],
    },
    { type: "operation-skipped", operation: { address: "vm.web" }, because: "vm.db failed" },
    { type: "note", address: "vm.mon", text: "runs already" },
  ]);
  // One alone is refused like any command.
  expect((await lab.vmlab(["start", "db"])).stderr).toContain("Error: its disk is damaged");
});

test("an image that is gone from the store is found before the VM on it is started", async () => {
  await lab.succeed("stop", "mon");
  const world = new FakeWorld(lab.effects(), homeFrom({ VMLAB_HOME: lab.home }));
  const { resources } = JSON.parse(await lab.succeed("state", "pull"));
  const image = await world.image(resources["image.base"].instance);
  if (image === undefined) throw new Error("there is no image");
  await world.putImage({ ...image, present: false });
  expect((await lab.vmlab(["start", "mon"])).stderr).toContain(
    "the image that vm.mon stands on is gone from the store [operate/image-changed]",
  );
  // It runs from what is left of it, which a restart would end.
  expect((await lab.vmlab(["restart", "db"])).code).toBe(1);
  expect((await states()).db).toBe("running");
});

test("after a reboot the VMs of all labs that ran run again, and one lab's trouble is not the others'", async () => {
  await lab.write("../second/lab.toml", TOML.replace("demo", "second").replace("[vms.mon]\n", ""));
  await lab.succeed("-C", join(lab.root, "second"), "apply", "--yes");
  await lab.succeed("stop", "mon");
  await lab.succeed("suspend", "web");
  expect(await lab.succeed("start", "--resume-all")).toBe(
    "Every VM that ran on this host runs, or was stopped on request.\n",
  );
  await crash("db");
  const { code, stdout } = await lab.vmlab(["start", "--resume-all"], { cwd: lab.root });
  expect(code).toBe(0);
  expect(stdout).toContain(`Lab demo (${lab.folder})\n`);
  expect(table(stdout).sort()).toEqual(
    ["LAB     NAME  RESULT   TIME", "demo    db    started", "second  db    started"].map((line) =>
      expect.stringMatching(line.replaceAll(/ +/g, " +")),
    ),
  );
  expect(await states()).toEqual({
    db: "running",
    mon: "stopped: stopped by a command",
    web: "suspended: suspended by a command",
  });

  // Where nothing is to be started, nobody needs to know what lab.toml says.
  const toml = await lab.read("lab.toml");
  await lab.write("lab.toml", `${toml}\n[vars.token]\n`);
  expect((await lab.vmlab(["start", "--resume-all"], { cwd: lab.root })).code).toBe(0);
  await crash("db");
  const needy = await lab.vmlab(["start", "--resume-all"], { cwd: lab.root });
  expect([needy.code, needy.stderr]).toEqual([1, expect.stringContaining("[config/missing-variable]")]);
  await crash("db");
  await lab.write("lab.toml", "lab = {");
  const broken = await lab.vmlab(["start", "--resume-all", "--json"]);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain("Not valid TOML");
  const finished = broken.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === "operation-finished");
  expect(finished[0]).toMatchObject({ lab: "second", operation: { id: "vm.db:start" } });
  const told = await lab.vmlab(["start", "--resume-all"]);
  expect(told.stdout).toMatch(/\nLAB {3}RESULT {2}WHY\ndemo {2}failed {2}Not valid TOML: \S/);
  expect((await lab.vmlab(["start", "web", "--resume-all"])).stderr).toContain(
    "takes neither VMs nor variables",
  );
});
