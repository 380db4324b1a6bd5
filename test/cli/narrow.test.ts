/** Every listing in a terminal of 80 columns, of a lab whose names are as long as names can be. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

/** 40 characters that differ in the middle only, where a name would be cut. */
const long = (what: string) => `${what.padStart(24, "a").padEnd(40, "z")}`;
const named = {
  lab: long("lab"),
  image: long("image"),
  custom: long("custom"),
  role: long("role"),
  one: long("one"),
  two: long("two"),
  other: long("other"),
  lan: long("lan"),
  wan: long("wan"),
  volume: long("volume"),
  snapshot: long("snapshot"),
};

const LAB = `lab = { name = "${named.lab}", provider = "fake", image = "${named.image}" }
[images.${named.image}]
url = "https://example.com/${"long/".repeat(20)}noble.img"
checksum = "sha256:${"a".repeat(64)}"
[images.${named.custom}]
role = "${named.role}"
run = ["echo custom"]
[roles.${named.role}]
run = ["echo role"]
[networks]
${named.lan} = { cidr = "10.100.100.0/24" }
${named.wan} = { cidr = "10.100.101.0/24" }
[volumes.${named.volume}]
size = "100GiB"
[vms.${named.one}]
image = "${named.custom}"
memory = "1536MiB"
disk = "100GiB"
networks = [{ name = "${named.lan}" }, { name = "${named.wan}" }]
ports = ["8080:80", "8443:443", "9100"]
volumes = [{ name = "${named.volume}", mount = "/srv" }]
[vms.${named.two}]
depends_on = ["vm.${named.one}"]
[vms.${named.other}]
power = "stopped"
[environments.${"e".repeat(32)}.vms.n]
count = 2
`;

let lab: CliLab;
beforeAll(async () => {
  lab = await CliLab.create(LAB);
}, 30_000);
afterAll(() => lab.remove());

/** What a command shows on such a terminal, and the lines of it that are too long. */
async function shown(args: readonly string[], columns = 80): Promise<{ text: string; wide: string[] }> {
  const { stdout, stderr } = await lab.vmlab(args, { columns, isTTY: true });
  const text = `${stdout}${stderr}`;
  return { text, wide: text.split("\n").filter((line) => [...line].length > columns) };
}

test("listings keep to the width and show names whole, with less of the rest", async () => {
  const vms = [named.one, named.two, named.other];
  const resources = [...vms, named.image, named.custom, named.role, named.lan, named.wan, named.volume];
  const keeps = async (args: readonly string[], names: readonly string[]) => {
    for (const columns of [80, 200]) {
      const { text, wide } = await shown(args, columns);
      expect({ args, columns, wide }).toEqual({ args, columns, wide: [] });
      for (const name of names) expect(text).toContain(name);
    }
  };
  await keeps(["plan"], resources);
  await keeps(["plan", "--details"], resources);
  await lab.succeed("apply", "--yes");
  await keeps(["list"], vms);
  await keeps(["ip", "--all"], vms);
  await keeps(["state", "list"], resources);
  await keeps(["plan", "--destroy"], resources);
  await lab.succeed(
    "snapshot",
    "create",
    "--all",
    "--name",
    named.snapshot,
    "--description",
    "a b ".repeat(40),
  );
  await keeps(["snapshot", "list"], [...vms, named.snapshot]);
  await keeps(["ops"], []);
  await keeps(["backup", "list"], []);
  await lab.succeed("backup", "create");
  await keeps(["backup", "list"], [named.lab]);
  await keeps(["state", "history"], []);
  // Addresses and digests are not cut, so that they can be copied; all else keeps to the width.
  const { text: all, wide } = await shown(["show"]);
  expect(wide.filter((line) => !/ (https:|sha256:|[0-9a-f]{64}$)/.test(line))).toEqual([]);
  expect(all.replaceAll(/\s+/g, " ")).toContain(`${named.lan} (ip 10.100.100.2, prefix 24, mac `);
  await keeps(["port", named.one], []);
  await keeps(["doctor"], []);

  await lab.write("lab.toml", LAB.replace("echo role", "echo another role").replace('"1536MiB"', '"2GiB"'));
  await keeps(["plan"], [named.role, named.custom, named.one]);
  await lab.write("lab.toml", LAB);
  await lab.succeed("delete", named.two, "--force", "--yes");
  await keeps(["trash", "list"], [named.two]);
  await lab.succeed("stop", named.one);
  await keeps(["list"], [named.one, named.other]);
}, 60_000);
