/** `vmlab plan --json` is Terraform's representation: a public tool that reads Terraform's plans reads ours. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
/** Checks a plan against its schema of Terraform's format, then prints each change as a unified diff, and totals. */
const READER = require.resolve("@ahmadnassri/terraform-unidiff/bin.js");

const HEAD = `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[secrets]
token = { kind = "password" }
`;
const BEFORE = `${HEAD}[vms.db]
[vms.old]
[vms.same]
[vms.web]
env = { TOKEN = "\${secrets.token}" }
`;
const AFTER = `${HEAD}[vms.db]
memory = "2GiB"
[vms.new]
cpus = 2
[vms.same]
[vms.web]
firmware = "uefi"
env = { TOKEN = "\${secrets.token}" }
`;

let lab: CliLab;
afterEach(() => lab.remove());

/** What the tool prints about `vmlab plan --json`. */
async function read(): Promise<string> {
  await lab.write("plan.json", await lab.succeed("plan", "--json"));
  return (await run(process.execPath, [READER, join(lab.folder, "plan.json")])).stdout;
}

/** The lines of one resource's diff that were added or removed. */
function changed(text: string, address: string): string[] {
  const diff = text.split("Index: ").find((part) => part.startsWith(`${address}\n`)) ?? "";
  return diff.split("\n").filter((line) => /^[+-](?![+-])/.test(line));
}

const addresses = (text: string) => [...text.matchAll(/^Index: (.*)$/gm)].map(([, address]) => address);

describe("a public reader of Terraform's plans", () => {
  test("reads what a first apply would make", async () => {
    lab = await CliLab.create(BEFORE);
    const text = await read();
    expect(addresses(text)).toEqual(["secret.token", "image.base", "vm.db", "vm.old", "vm.same", "vm.web"]);
    expect(text).toMatch(/\nPlan: 6 to add, 0 to change, 0 to destroy\n$/);
    expect(changed(text, "vm.db")).toEqual(
      expect.arrayContaining(["+image: base", "+cpus: 1", "+memory: 1073741824"]),
    );
  });

  test("reads creations, updates, replacements and deletions", async () => {
    lab = await CliLab.create(BEFORE);
    await lab.succeed("apply", "--yes");
    await lab.write("lab.toml", AFTER);
    const text = await read();
    expect(addresses(text)).toEqual(["vm.old", "vm.db", "vm.new", "vm.web"]);
    expect(changed(text, "vm.db")).toEqual(["-memory: 1073741824", "+memory: 2147483648"]);
    expect(changed(text, "vm.web")).toEqual(["-firmware: bios", "+firmware: uefi"]);
    expect(changed(text, "vm.new")).toEqual(expect.arrayContaining(["+cpus: 2"]));
    expect(changed(text, "vm.old")).toEqual(expect.arrayContaining(["-cpus: 1"]));
    // A replacement counts as one that is added and one that is destroyed, as in Terraform.
    expect(text).toMatch(/\nPlan: 2 to add, 1 to change, 2 to destroy\n$/);
  });

  test("reads that nothing changes, and that everything goes", async () => {
    lab = await CliLab.create(BEFORE);
    await lab.succeed("apply", "--yes");
    expect((await read()).trim()).toBe("Plan: 0 to add, 0 to change, 0 to destroy");
    await lab.write("plan.json", await lab.succeed("plan", "--json", "--destroy"));
    const { stdout } = await run(process.execPath, [READER, join(lab.folder, "plan.json")]);
    expect(addresses(stdout).sort()).toEqual([
      "image.base",
      "secret.token",
      "vm.db",
      "vm.old",
      "vm.same",
      "vm.web",
    ]);
    expect(stdout).toMatch(/\nPlan: 0 to add, 0 to change, 5 to destroy\n$/);
  });
});
