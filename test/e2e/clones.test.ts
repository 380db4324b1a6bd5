/** Clones of tiny guests: running, off, of clones and of snapshots; nobody loses what it has. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { FULL } from "../support/long-test.ts";

let lab: CliLab;

beforeEach(async () => {
  const tiny = await tinyGuest();
  lab = await CliLab.create(`lab = { name = "clone" }
[images]
tiny = { path = "${tiny}", user = "lab" }
[networks]
net = { cidr = "10.42.0.0/24" }
[vms.web]
image = "tiny"
memory = "128MiB"
disk = "96MiB"
networks = [{ name = "net" }]
`);
});
afterEach(() => lab.dispose());

const write = (vm: string, text: string) => lab.guest(vm, `echo ${text} >> ~/notes && sync`);
const notes = async (vm: string) => (await lab.guest(vm, "cat ~/notes")).split("\n");
const file = async (vm: string, name: string) =>
  readFile(join(lab.home, "vms", await lab.instance(vm), name), "utf8");
const boots = (vm: string) =>
  lab.guest(vm, "hostname; ip addr show eth1 | grep -o '10.42.[0-9.]*/'; cat /sys/class/net/eth1/address");

test("a running VM and its clones go on by themselves, also when the source is gone", async () => {
  await lab.ok("apply", "--yes");
  await write("web", "one");
  const pid = await lab.pid("web");
  await lab.ok("clone", "web", "copy", "--yes");
  expect(await lab.pid("web")).toBe(pid);
  expect(await notes("copy")).toEqual(["one"]);
  await write("web", "web");
  await write("copy", "copy");
  expect(await notes("web")).toEqual(["one", "web"]);
  expect(await notes("copy")).toEqual(["one", "copy"]);
  expect(await lab.ok("plan")).toContain("No changes.");

  // Nothing of the source's identity is left. The login itself proves the host key.
  const identity = [await boots("web"), await boots("copy")].map((text) => text.split("\n"));
  expect(identity.map(([name, ip]) => [name, ip])).toEqual([
    ["web", "10.42.0.2/"],
    ["copy", "10.42.0.3/"],
  ]);
  expect(identity[0]?.[2]).not.toBe(identity[1]?.[2]);
  const keys = await Promise.all(["web", "copy"].map((vm) => file(vm, "host_ed25519.pub")));
  expect(keys[0]).not.toBe(keys[1]);
  await lab.guest("copy", "ping -c 1 -w 20 web");

  // A snapshot lies in the layer that a machine writes to: what is cloned then is copied.
  await lab.ok("snapshot", "create", "copy", "--name", "then");
  await write("copy", "later");
  await lab.ok("clone", "copy", "past", "--from-snapshot", "then", "--yes");
  expect(await notes("past")).toEqual(["one", "copy"]);
  await lab.ok("snapshot", "restore", "copy", "--name", "then", "--yes");
  expect(await notes("copy")).toEqual(["one", "copy"]);

  // Two of a source that is off, in which nothing was written in between, stand on the same layer. So do two of one
  // that runs when one command makes them: they begin at one moment.
  await lab.ok("stop", "past");
  const before = await lab.list("layers");
  const off = (name: string, source: string) => `\n[vms.${name}]\nclone = "${source}"\npower = "stopped"\n`;
  const twins = [off("twin-1", "past"), off("twin-2", "past"), off("left", "web"), off("right", "web")];
  await lab.write((await lab.read()) + twins.join(""));
  await lab.ok("apply", "--yes");
  expect(await lab.list("layers")).toHaveLength(before.length + 2);

  await lab.ok("delete", "web", "past", "--force", "--yes");
  await lab.ok("trash", "empty", "--yes");
  await lab.ok("restart", "copy");
  await lab.ok("start", "twin-1", "right");
  expect(await notes("copy")).toEqual(["one", "copy"]);
  expect(await notes("twin-1")).toEqual(["one", "copy"]);
  expect(await notes("right")).toEqual(["one", "web"]);

  await lab.ok("destroy", "--yes");
  await lab.ok("trash", "empty", "--yes");
  expect(await lab.list("layers")).toEqual([]);
}, 600_000);

test("a clone that is killed half-way leaves its source whole, and the next apply makes it", async () => {
  await lab.ok("apply", "--yes");
  const all = [
    ["first", "making the disk"],
    ["second", "asking the guest to write"],
    ["third", "making the seed"],
  ] as const;
  const moments = FULL ? all : all.slice(0, 1);
  const names = moments.map(([name]) => name);
  for (const [name, when] of moments) {
    await write("web", name);
    const { signal } = await lab.run(["clone", "web", name, "--yes"], {
      signals: [{ when: new RegExp(`vm.${name}.*${when}`), send: "SIGKILL" }],
    });
    expect(signal).toBe("SIGKILL");
  }
  await lab.ok("apply", "--yes");
  for (const vm of ["web", ...names]) expect(await notes(vm)).toEqual(names);
  await lab.ok("restart", "web");
  expect(await notes("web")).toEqual(names);
}, 600_000);
