/**
 * What a reader sees of tables and settings that there are not, or that are missing. The whole text is expected, with
 * file, line and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

test("a table in the singular", async () => {
  expect(
    await problems(
      LAB +
        `[vm.web]
cpus = 1`,
    ),
  ).toBe(`lab.toml:3:2-4 config/unknown-key: There is no table [vm]
  → Write [vms.web]`);
});

test("an unknown table", async () => {
  expect(
    await problems(
      LAB +
        `[netwroks.web]
cpus = 1`,
    ),
  ).toBe(`lab.toml:3:2-10 config/unknown-key: There is no table [netwroks]
  → Did you mean "networks"?`);
});

test("unknown settings: slips, words of other tools, settings of other tables", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
memroy = "1GiB"
ram = "2GiB"
hostname = "x"
user = "x"`,
    ),
  ).toBe(`lab.toml:4:1-7 config/unknown-key: vms.web has no setting "memroy"
  → Did you mean "memory"?
lab.toml:5:1-4 config/unknown-key: vms.web has no setting "ram"
  → vmlab calls it memory.
lab.toml:6:1-9 config/unknown-key: vms.web has no setting "hostname"
  → The table's name is the hostname.
lab.toml:7:1-5 config/unknown-key: vms.web has no setting "user"
  → "user" is a setting of login, as in login.user.`);
});

test("a value where tables belong", async () => {
  expect(
    await problems(
      LAB +
        `vms = 3
roles = 4`,
    ),
  ).toBe(`lab.toml:3:7-8 config/wrong-type: vms cannot be the number 3
  vms takes a table.
lab.toml:4:9-10 config/wrong-type: roles cannot be the number 4
  roles takes a table.`);
});

test("no [lab]", async () => {
  expect(await problems(`[vms.web]`)).toBe(`lab.toml:1:1-1 config/missing-key: lab.toml lacks [lab]
  Settings of the lab as a whole.
  → Add: lab = { name = "demo" }`);
});

test("missing settings", async () => {
  expect(
    await problems(`lab = {}
[images.x]
bootstrap = { suite = "a" }
[vms.web]
files=[{content="x"}]
ready={}`),
  ).toBe(`lab.toml:1:1-4 config/missing-key: lab lacks name
  The lab's name.
  → Add: name = …
lab.toml:3:1-10 config/missing-key: images.x.bootstrap lacks distribution
  The distribution.
  → Add: distribution = …
lab.toml:5:8-21 config/missing-key: vms.web.files[0] lacks to
  The absolute path in the guest.
  → Add: to = …
lab.toml:6:1-6 config/missing-key: vms.web.ready lacks command
  A shell command, run as root until it exits with 0.
  → Add: command = …`);
});
