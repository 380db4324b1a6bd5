import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(`${LAB}\n[vms.one]\n`);
});
afterEach(() => lab.remove());

test("a forgotten machine is imported by hand, after a question", async () => {
  await lab.succeed("apply", "--yes");
  const id = /^ *id +(\w{12})$/m.exec(await lab.succeed("state", "show", "vm.one"))?.[1] ?? "";
  await lab.succeed("state", "rm", "vm.one", "--yes");
  expect(await lab.vmlab(["import", "vm.one", id])).toMatchObject({ code: 1 });
  const { code, stdout, stderr } = await lab.vmlab(["import", "vm.one", id, "--yes"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`vm\\.one +machine ${id}, running`));
  expect(stdout).toContain("1 to import.");
  expect(await lab.succeed("state", "show", "vm.one")).toContain(id);
  expect(await lab.succeed("plan")).toContain("No changes.");
});

test("what is no id, and what is not declared, is said", async () => {
  expect((await lab.vmlab(["import", "vm.one", "xyz"])).stderr).toBe(
    'Error: "xyz" is no instance id [cli/usage]\n  Hint: An instance id is 12 hexadecimal digits. `vmlab doctor` and `vmlab state show ADDRESS` tell them.\n',
  );
  const { code, stderr } = await lab.vmlab(["import", "vm.two", "0123456789ab", "--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("There is no machine 0123456789ab on this host [plan/cannot-import]");
});
