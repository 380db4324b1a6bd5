import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(`lab = { name = "demo", provider = "fake", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vms.a]
[vms.b]
run = ["one", "two"]
`);
});
afterEach(() => lab.remove());

test("the summary names the VM whose provisioning failed, with the end of what it said, and how to go on", async () => {
  const folder = join(lab.home, "fake");
  await mkdir(folder, { recursive: true });
  const detail = "It said:\n  reading packages\n  E: Unable to locate package gti\n  exit code 100\n";
  const failure = { step: "provision", name: "b", label: "run two", message: "run two failed", detail };
  await writeFile(join(folder, "faults.json"), JSON.stringify({ failures: [failure] }));
  const { code, stdout } = await lab.vmlab(["apply", "--yes"]);
  expect(code).toBe(1);
  expect(stdout.slice(stdout.indexOf("Apply incomplete")).replace(/in \S+\./, "in TIME.")).toBe(
    `Apply incomplete: 2 created, 1 failed in TIME.
  vm.b failed: run two failed
      reading packages
      E: Unable to locate package gti
      exit code 100

Run "vmlab apply" again: it goes on where this one stopped.
`,
  );
  await writeFile(join(folder, "faults.json"), "{}");
  expect(await lab.succeed("plan")).toContain('vm.b  goes on after "ready"');
});
