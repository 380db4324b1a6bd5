import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

const LAB = `lab = { name = "copies", provider = "fake", image = "base" }
images.base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
networks.lan = { cidr = "10.9.0.0/24" }
[templates.small]
memory = "512MiB"
[vms.web]
memory = "2GiB"
disk = "20GiB"
networks = [{ name = "lan", ip = "10.9.0.20" }]
ports = ["8080:80"]
labels = { tier = "front" }
run = ["true"]
`;
let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

const rows = async (): Promise<string[]> =>
  (await lab.succeed("list"))
    .split("\n")
    .slice(1, -1)
    .map((line) => line.split(/ {2,}/).slice(0, 6).join(" "));

test("a clone is written down with what cannot be shared left out, and takes over the rest", async () => {
  await lab.succeed("clone", "web", "copy", "--yes");
  expect(await lab.read("lab.toml")).toBe(`${LAB}
[vms.copy]
clone = "web"
networks = [{ name = "lan" }]
ports = ["80"]
labels = { tier = "front" }
`);
  expect(await rows()).toEqual(["copy running base 1 2 GiB 20 GiB", "web running base 1 2 GiB 20 GiB"]);
  expect(await lab.succeed("plan")).toContain("No changes.");
});

test("a clone that exists needs its source no more, until it has to be made anew", async () => {
  await lab.succeed("clone", "web", "copy", "--yes");
  // What becomes of the source is nothing to it.
  await lab.write("lab.toml", (await lab.read("lab.toml")).replace('memory = "2GiB"', 'memory = "3GiB"'));
  const plan = await lab.succeed("plan");
  expect(plan).toContain("memory 2 GiB → 3 GiB");
  expect(plan).not.toContain("vm.copy");
  await lab.succeed("delete", "web", "--force", "--yes");
  expect(await lab.succeed("validate")).toContain("Valid.");
  expect(await lab.succeed("plan")).toContain("No changes.");
  const { stderr } = await lab.vmlab(["plan", "--replace", "vm.copy"]);
  expect(stderr).toBe(
    "Error: vm.copy has to be made anew as a clone of web, and lab.toml declares no such VM [plan/clone-source-missing]\n" +
      "  Nothing was changed.\n" +
      "  Hint: Declare vm.web again, or give vm.copy an image or a role instead of clone.\n",
  );
});

test("several at once, of a snapshot, and of a template", async () => {
  await lab.succeed("snapshot", "create", "web", "--name", "then");
  await lab.succeed(
    "clone",
    "web",
    "a",
    "b",
    "--from-snapshot",
    "then",
    "--full",
    "--memory",
    "4GiB",
    "--yes",
  );
  await lab.succeed("clone", "small", "box", "--yes");
  const text = await lab.read("lab.toml");
  expect(text).toContain('[vms.b]\nclone = { vm = "web", snapshot = "then", full = true }\n');
  expect(text).toContain('memory = "4GiB"');
  expect(text).toContain('[vms.box]\ntemplate = "small"\n');
  const { stderr } = await lab.vmlab(["clone", "small", "other", "--full"]);
  expect(stderr).toContain('"small" is a template, which has no disk');
});

test("what is not there, and what is there already, are refused before anything is written", async () => {
  const unknown = await lab.vmlab(["clone", "wep", "copy", "--yes"]);
  expect(unknown.stderr).toBe(
    'Error: lab.toml declares no VM and no template "wep" [config/unknown-reference]\n  Hint: Did you mean "web"?\n',
  );
  const taken = await lab.vmlab(["clone", "web", "web", "--yes"]);
  expect(taken.stderr).toContain('there is a VM "web" already');
  expect(await lab.read("lab.toml")).toBe(LAB);
});
