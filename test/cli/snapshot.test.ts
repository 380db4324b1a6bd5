import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
const toml = (memory: string) => `${LAB}
[environments.k]
[environments.k.vms.n]
count = 2
memory = "${memory}"
[vms.off]
power = "stopped"
`;
beforeEach(async () => {
  lab = await CliLab.create(toml("1GiB"));
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

interface Listed {
  readonly vm: string;
  readonly name: string;
  readonly memory: boolean;
  readonly parent?: string;
  readonly group?: string;
}
const listed = async (...args: string[]) =>
  JSON.parse(await lab.succeed("snapshot", "list", "--json", ...args)) as Listed[];

test("an environment is taken and restored as one, with the machines as they were", async () => {
  expect(await lab.succeed("snapshot", "list")).toBe('No snapshots. "vmlab snapshot create VM" takes one.\n');
  const taken = await lab.succeed("snapshot", "create", "--env", "k", "--name", "small");
  expect(taken).toContain("Took the snapshot small of 2 VMs.");
  const [one, two] = await listed();
  expect([one?.vm, two?.vm, one?.memory]).toEqual(["k-n-1", "k-n-2", true]);
  expect(one?.group).toBe(two?.group);

  await lab.write("lab.toml", toml("2GiB"));
  await lab.succeed("apply", "--yes");
  const asked = await lab.vmlab(["snapshot", "restore", "--env", "k", "--name", "small"], { answers: ["n"] });
  expect(asked.questions).toEqual([
    "Bring 2 VMs back to the snapshot small? What is there now is lost: disks, volumes and memory (--save keeps it). [y/N] ",
  ]);
  expect(await lab.succeed("plan")).toContain("No changes.");
  const restored = await lab.succeed("snapshot", "restore", "k-*", "--name", "small", "--save", "--yes");
  expect(restored).toMatch(
    /2 VMs are back at small\. What was there before: before-small-\d{4}-\d\d-\d\d-\d{6}\.\n$/,
  );
  // lab.toml is compared with the machines as they are now.
  expect(await lab.succeed("plan")).toMatch(/k-n-1 +memory 1 GiB → 2 GiB \(restart\)/);
  expect((await listed("k-n-1")).map(({ parent }) => parent)).toEqual([undefined, "small"]);
  await lab.succeed("snapshot", "delete", "--env", "k", "--name", "small");
  expect((await listed("k-n-1")).map(({ parent }) => parent)).toEqual([undefined]);
});

test("what was off is off again, for the reason that it was; what ran is started again", async () => {
  await lab.succeed("stop", "k-n-1");
  await lab.succeed("snapshot", "create", "k-n-1", "--name", "off");
  await lab.succeed("snapshot", "restore", "k-n-1", "--name", "off", "--yes");
  const vm = async () => JSON.parse(await lab.succeed("list", "k-n-1", "--json")) as unknown;
  expect(await vm()).toMatchObject([{ state: "stopped", note: "stopped by a command" }]);
  await lab.succeed("start", "k-n-1");
  await lab.succeed("snapshot", "restore", "k-n-1", "--name", "off", "--yes");
  expect(await vm()).toMatchObject([{ state: "running" }]);
  expect(await lab.succeed("plan")).toContain("No changes.");
});

test("snapshots are shown as a tree", async () => {
  const take = (name: string, ...more: string[]) =>
    lab.succeed("snapshot", "create", "off", "--name", name, ...more);
  const back = (name: string) => lab.succeed("snapshot", "restore", "off", "--name", name, "--yes");
  await take("clean", "--description", "as it came");
  await take("a");
  await take("a1");
  await back("a");
  await take("a2");
  await back("clean");
  await take("b");
  const rows = (await lab.succeed("snapshot", "list", "off")).split("\n").slice(1, -1);
  expect(rows.map((row) => row.slice(5, 14).trimEnd())).toEqual([
    "clean",
    "├─ a",
    "│  ├─ a1",
    "│  └─ a2",
    "└─ b",
  ]);
  expect(rows[0]).toMatch(/ago {2}disks +as it came$/);
});

test("what cannot be done is said before anything is changed", async () => {
  await lab.succeed("snapshot", "create", "off", "--name", "clean");
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await lab.vmlab(["snapshot", ...args]);
    expect(code).toBe(1);
    return `${stdout}${stderr}`;
  };
  expect(await refused("create", "off", "--name", "../x")).toContain(
    'Error: "../x" cannot be the name of a snapshot [operate/snapshot-name]',
  );
  expect(await refused("create", "off", "--name", "2026")).toContain("[operate/snapshot-name]");
  // Of two VMs at one moment, or of none.
  const both = await refused("create", "off", "k-n-1", "--name", "clean");
  expect(both).toContain("off has a snapshot clean already");
  expect(both).toMatch(/vm\.k-n-1 +skipped: vm\.off failed/);
  expect(await listed("k-n-1")).toEqual([]);
  expect(await refused("restore", "off", "--name", "claen")).toContain(
    "Error: vm.off has no snapshot claen [operate/no-such-snapshot]\n  It has clean.",
  );
  expect(await refused("delete", "off", "--name", "claen")).toContain("vm.off has no snapshot claen");
  expect(await refused("delete", "--all", "--name", "../vm")).toContain(
    "None of the 7 VMs has a snapshot ../vm",
  );
  // No plan was shown.
  expect(await refused("restore", "off", "--name", "clean")).toContain(
    "[cli/needs-confirmation]\n  Hint: Add --yes to go on without a question.\n",
  );
  await lab.succeed("snapshot", "restore", "off", "--name", "clean", "--auto-approve");
});

test("what cannot be taken back comes after a snapshot where lab.toml asks for it, of which so many stay", async () => {
  const careful = (extra: string) =>
    `${LAB}\n[vms.db]\nimage = "noble"\nsnapshots = { keep = 2, before_replace = true }\n${extra}`;
  const taken = async () => (await listed("db")).map(({ name }) => name);
  await lab.write("lab.toml", careful('memory = "1GiB"\n'));
  await lab.succeed("apply", "--yes");
  expect(await taken()).toEqual([]);
  await lab.succeed("snapshot", "create", "db", "--name", "mine");
  await lab.write("lab.toml", careful('memory = "2GiB"\n'));
  const applied = await lab.succeed("apply", "--yes");
  expect(applied.indexOf("snapshot taken")).toBeLessThan(applied.indexOf("vm.db         stopped"));
  expect(await taken()).toEqual(["mine", expect.stringMatching(/^auto-/)]);

  // Provisioned again, restored, and then replaced: the machine in the trash has what it was before.
  await lab.write("lab.toml", careful('memory = "2GiB"\nrun = ["true"]\n'));
  await lab.succeed("apply", "--yes");
  const restored = await lab.succeed("snapshot", "restore", "db", "--name", "mine", "--yes");
  expect(restored).toMatch(/db is back at mine\. What was there before: auto-/);
  expect((await taken()).map((name) => name.slice(0, 5))).toEqual(["mine", "auto-", "auto-"]);
  const plan = JSON.parse(await lab.succeed("plan", "--json", "--replace", "vm.db")) as {
    vmlab: { operations: { id: string; needs: string[] }[] };
  };
  const needs = new Map(plan.vmlab.operations.map((one) => [one.id, one.needs]));
  expect(needs.get("vm.db:stop")).toEqual(["vm.db:snapshot"]);
  await lab.succeed("delete", "db", "--force", "--yes");
});
