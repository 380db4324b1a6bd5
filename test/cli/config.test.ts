/** `vmlab config`: the settings of the host. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../engine/effects-node.ts";
import { homeFrom } from "../../engine/home.ts";
import { hostConfigOf } from "../../engine/host/host-config.ts";
import { readSettings } from "../../engine/host/host-settings.ts";
import { CliLab } from "./cli-lab.ts";

let lab: CliLab;

beforeEach(async () => {
  lab = await CliLab.create();
});
afterEach(() => lab.remove());

const file = () => join(lab.home, "config.toml");
const written = () => readFile(file(), "utf8");

test("every setting is listed with value, default, place and what it is for", async () => {
  await lab.succeed("config", "set", "limits.memory", "6GiB");
  const { stdout } = await lab.vmlab(["config"], { columns: 80 });
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^SETTING +VALUE +DEFAULT +FROM$/);
  expect(stdout).toMatch(
    /\nlimits\.memory +6GiB +[\d.]+ [GM]iB +line 2\n {4}Memory that running VMs may use/,
  );
  expect(stdout).toMatch(/\nlimits\.vms +no limit +no limit +default\n/);
  expect(stdout).toMatch(/\ntrash\.keep +7d +7d +default\n {4}How long a deleted VM is kept\.\n/);
  expect(stdout).toContain(`\nThe file is ${file()}.`);
  expect(lines.filter((line) => line.length > 80 && !line.includes(file()))).toEqual([]);
});

test("a setting is changed, used, and given back to its default, and nothing else in the file is touched", async () => {
  expect(await lab.succeed("config", "set", "trash.keep", "2d")).toBe(
    "trash.keep is 2d (it was 7d, the default).\n",
  );
  expect(await written()).toBe('[trash]\nkeep = "2d"\n');
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  await writeFile(file(), `# mine\n${await written()}# end\n`);
  expect(await lab.succeed("config", "set", "limits.vms", "10")).toContain("limits.vms is 10 ");
  expect(await lab.succeed("config", "set", "trash.keep", "12h")).toContain("trash.keep is 12h (it was 2d).");
  expect(await written()).toBe('# mine\n[trash]\nkeep = "12h"\n# end\n\n[limits]\nvms = 10\n');
  expect(await lab.succeed("config", "get", "limits.vms")).toBe("10\n");
  expect(JSON.parse(await lab.succeed("config", "get", "limits.vms", "--json"))).toEqual({
    ...{ key: "limits.vms", value: 10, default: null, origin: "config.toml", line: 7 },
    description: "VMs that may run at the same time. Default: no limit.",
  });
  expect(await lab.succeed("config", "unset", "limits.vms")).toBe(
    "limits.vms is no limit, the default (it was 10).\n",
  );
  expect(await lab.succeed("config", "unset", "limits.vms")).toBe(
    "limits.vms is not set: its default is no limit.\n",
  );
  expect(await lab.succeed("config", "get", "limits.vms")).toBe("\n");
  expect(await lab.succeed("config", "path")).toBe(`${file()}\n`);
});

describe("what is wrong is refused, and nothing is written", () => {
  test.each([
    [["set", "limits.cpu", "4"], 'there is no setting "limits.cpu"', 'Did you mean "limits.cpus"?'],
    [["get", "keep"], 'there is no setting "keep"', "There are store.keep, trash.keep."],
    [["set", "limits.cpus", "four"], 'limits.cpus cannot be "four"', "a whole number of 1 or more"],
    [["set", "limits.memory", "lots"], 'limits.memory cannot be "lots"', 'a size such as "4GiB"'],
    [["set", "limits.disk", "lots"], 'limits.disk cannot be "lots"', 'a size such as "4GiB"'],
    [["set", "trash.keep", "7w"], 'trash.keep cannot be "7w"', 'a duration such as "7d" or "12h"'],
  ])("%j", async (args, summary, advice) => {
    const { code, stderr } = await lab.vmlab(["config", ...args]);
    expect([code, stderr.includes(summary), stderr.includes(advice)]).toEqual([1, true, true]);
    expect(await readdir(lab.home).catch(() => [])).not.toContain("config.toml");
  });
});

test("two that change it at the same moment both do", async () => {
  await Promise.all([
    lab.succeed("config", "set", "limits.vms", "4"),
    lab.succeed("config", "set", "store.keep", "1d"),
    lab.succeed("config", "set", "limits.cpus", "5"),
  ]);
  expect(await lab.succeed("config", "get", "limits.vms")).toBe("4\n");
  expect(await lab.succeed("config", "get", "store.keep")).toBe("1d\n");
  expect(await lab.succeed("config", "get", "limits.cpus")).toBe("5\n");
});

test("the defaults that are shown are those that hold", async () => {
  const { files, host } = nodeEffects();
  const settings = await readSettings({ files, host }, homeFrom({ VMLAB_HOME: lab.home }));
  const spelled: Record<string, Record<string, unknown>> = {};
  for (const { key, default: value } of settings) {
    const [table = "", name = ""] = key.split(".");
    if (value !== null) spelled[table] = { ...spelled[table], [name]: value };
  }
  expect(await hostConfigOf(spelled, host)).toEqual(await hostConfigOf({}, host));
  expect(settings.filter((setting) => setting.default === null).map(({ key }) => key)).toEqual([
    "limits.disk",
    "limits.vms",
  ]);
});
