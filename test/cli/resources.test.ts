import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;

beforeEach(async () => {
  lab = await CliLab.create();
});
afterEach(() => lab.remove());

test("works outside of a lab, and pretend machines take nothing of the host", async () => {
  expect(await lab.succeed("resources")).toContain("No lab has VMs or volumes on this host.");
  await lab.write("lab.toml", LAB);
  await lab.succeed("apply", "--yes");
  const { stdout, stderr } = await lab.vmlab(["resources", "--json"]);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ labs: [], builds: [], vms: { limit: null, free: null, reserved: 0, used: 0 } },
    memory: { reserved: 0, used: 0 },
    worst_case: { growth: 0, fits: true },
  });
  expect((await lab.vmlab(["resources"])).stderr).toBe(
    "This lab's own VMs are pretended ones, which take nothing.\n",
  );
});
