/** Snapshots of tiny guests: their memory, disks and volumes, one by one and together, also after a crash. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, killed } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";

const run = promisify(execFile);
let lab: CliLab;
let tiny: string;

beforeEach(async () => {
  tiny = await tinyGuest();
  lab = await CliLab.create("");
});
afterEach(() => lab.dispose());

const head = () => `lab = { name = "snap" }
[images]
tiny = { path = "${tiny}", user = "lab" }
`;

/** Names of the snapshots inside a VM's disk. */
async function inside(vm: string): Promise<string[]> {
  const disk = join(lab.home, "vms", await lab.instance(vm), "disk-0.qcow2");
  const { stdout } = await run("qemu-img", ["info", "-U", "--output=json", disk]);
  const { snapshots = [] } = JSON.parse(stdout) as { snapshots?: { name: string }[] };
  return snapshots.map(({ name }) => name);
}

const names = async (vm: string) =>
  (await lab.json<{ name: string }[]>("snapshot", "list", vm, "--json")).map(({ name }) => name);
const write = (vm: string, text: string) => lab.guest(vm, `echo ${text} >> ~/notes && sync`);
const notes = (vm: string) => lab.guest(vm, "cat ~/notes");
const uptime = async (vm: string) => Number((await lab.guest(vm, "cat /proc/uptime")).split(" ")[0]);

test("an environment comes back to one moment, also after a crash of all of it, and its members reach each other", async () => {
  await lab.write(`${head()}
[networks]
net = { cidr = "10.42.0.0/24" }
[environments.k]
defaults = { image = "tiny", memory = "128MiB", disk = "96MiB", networks = [{ name = "net" }] }
[environments.k.vms.n]
count = 3
`);
  await lab.ok("apply", "--yes");
  const vms = ["k-n-1", "k-n-2", "k-n-3"];
  for (const vm of vms) await write(vm, "before");
  // A process that was running then runs on afterwards.
  await lab.guest("k-n-1", "setsid sh -c 'echo $$ > ~/pid; exec sleep 100000' </dev/null >/dev/null 2>&1 &");
  await lab.ok("snapshot", "create", "--env", "k", "--name", "clean");
  const then = await uptime("k-n-1");
  for (const vm of vms) await write(vm, "after");

  await lab.ok("snapshot", "restore", "--env", "k", "--name", "clean", "--yes");
  for (const vm of vms) expect(await notes(vm)).toBe("before");

  for (const vm of vms) await write(vm, "again");
  for (const pid of await lab.machines()) await killed(pid);
  await lab.ok("snapshot", "restore", "--env", "k", "--name", "clean", "--yes");
  for (const vm of vms) expect(await notes(vm)).toBe("before");
  await lab.guest("k-n-1", "kill -0 $(cat ~/pid)");
  expect(await uptime("k-n-1")).toBeLessThan(then + 120);
  for (const [from, to] of [
    ["k-n-1", "k-n-2"],
    ["k-n-2", "k-n-3"],
    ["k-n-3", "k-n-1"],
  ])
    await lab.guest(from ?? "", `ping -c 1 -w 20 ${to}`);
  // Their clocks are those of the host again.
  const now = Number(await lab.guest("k-n-2", "date +%s"));
  expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(20);
  expect(await lab.ok("plan")).toContain("No changes.");
}, 600_000);

test("a machine comes back with the memory, disk and volume that it had, and lab.toml is compared with that", async () => {
  const toml = (memory: string, disk: string, volumes = ["more", "data"]) => `${head()}
[volumes]
data = { size = "16MiB", filesystem = "none" }
more = { size = "16MiB", filesystem = "none" }
[vms.one]
image = "tiny"
memory = "${memory}"
disk = "${disk}"
volumes = [${volumes.map((name) => `{ name = "${name}" }`).join(", ")}]
`;
  const put = (text: string) =>
    lab.guest("one", `echo ${text} | sudo dd of=$(cat data) bs=512 conv=sync 2>/dev/null; sync`);
  const stored = () => lab.guest("one", "sudo head -c 5 $(cat data)");
  await lab.write(toml("128MiB", "96MiB", ["data"]));
  await lab.ok("apply", "--yes");
  await lab.guest("one", "echo /dev/vdc > data");
  await put("vol-1");
  // Plugged while it runs, this one is behind the other; a start puts it before.
  await lab.write(toml("128MiB", "96MiB"));
  await lab.ok("apply", "--yes");
  await lab.guest("one", "echo other | sudo dd of=/dev/vdd bs=512 conv=sync 2>/dev/null; sync");
  await lab.ok("snapshot", "create", "one", "--name", "small");
  await put("vol-2");
  await lab.write(toml("160MiB", "112MiB"));
  await lab.ok("apply", "--yes");
  await lab.guest("one", "echo /dev/vdd > data");
  expect(await stored()).toBe("vol-2");

  await lab.ok("snapshot", "restore", "one", "--name", "small", "--save", "--yes");
  expect(await stored()).toBe("vol-1");
  expect(await lab.guest("one", "sudo head -c 5 /dev/vdd")).toBe("other");
  expect(await lab.guest("one", "cat /sys/block/vda/size")).toBe(String((96 * 2 ** 20) / 512));
  expect(await lab.changes()).toEqual([
    "~  vm.one  memory 128 MiB → 160 MiB, disk 96 MiB → 112 MiB (restart, grown in place)  lab.toml:8",
  ]);
  const [, kept] = await names("one");
  await lab.ok("snapshot", "restore", "one", "--name", kept ?? "", "--yes");
  expect(await stored()).toBe("vol-2");
  expect(await lab.ok("plan")).toContain("No changes.");

  // The later one stays whole when the one before it goes.
  await lab.ok("snapshot", "delete", "one", "--name", "small");
  await lab.ok("snapshot", "restore", "one", "--name", kept ?? "", "--yes");
  expect(await stored()).toBe("vol-2");

  // Of a machine that is off: its disks.
  await write("one", "off");
  await lab.ok("stop", "one");
  await lab.ok("snapshot", "create", "one", "--name", "off");
  await lab.ok("start", "one");
  await write("one", "later");
  await lab.ok("snapshot", "restore", "one", "--name", "off", "--yes");
  expect(await notes("one")).toBe("off");
  expect((await lab.vm("one")).state).toBe("running");

  // What is on a volume that left the VM is nobody's to take.
  await lab.write(toml("160MiB", "112MiB", ["more"]));
  await lab.ok("apply", "--yes");
  const { code, all } = await lab.run(["snapshot", "restore", "one", "--name", "off", "--yes"]);
  expect(code).toBe(1);
  expect(all).toContain("volume.data, which is in the snapshot off of one, is not attached to it any more");
  expect(await lab.ok("plan")).toContain("No changes.");
}, 600_000);

test("what a vmlab that was killed had of its snapshot goes, and the machine goes on", async () => {
  await lab.write(`${head()}[vms.one]\nimage = "tiny"\nmemory = "128MiB"\ndisk = "96MiB"\n`);
  await lab.ok("apply", "--yes");
  const before = await uptime("one");
  const { signal } = await lab.run(["snapshot", "create", "one", "--name", "cut"], {
    signals: [{ when: /saving its memory/, send: "SIGKILL" }],
  });
  expect(signal).toBe("SIGKILL");
  expect(await uptime("one")).toBeGreaterThan(before);
  expect(await inside("one")).toEqual([]);
  expect(await lab.json("snapshot", "list", "--json")).toEqual([]);
  await lab.ok("snapshot", "create", "one", "--name", "cut");
  expect(await inside("one")).toEqual([expect.stringMatching(/^vmlab-[0-9a-f]{12}$/)]);
  // While QEMU is at it, too.
  await lab.run(["snapshot", "create", "one", "--name", "later"], {
    signals: [{ when: /saving its memory/, send: "SIGKILL", afterMs: 250 }],
  });
  await lab.ok("snapshot", "create", "one", "--name", "last");
  const kept = await names("one");
  expect(kept).toContain("last");
  expect(await inside("one")).toHaveLength(kept.length);

  // A restore that was cut off leaves the machine off, and can be made again.
  await write("one", "lost");
  await lab.run(["snapshot", "restore", "one", "--name", "cut", "--yes"], {
    signals: [{ when: /restoring its memory/, send: "SIGKILL" }],
  });
  await lab.ok("snapshot", "restore", "one", "--name", "cut", "--yes");
  expect(await lab.guest("one", "test ! -e ~/notes && echo as then")).toBe("as then");
  await lab.run(["snapshot", "restore", "one", "--name", "cut", "--yes"], {
    signals: [{ when: /restoring its memory/, send: "SIGKILL" }],
  });
  await lab.ok("apply", "--yes");
  expect(await lab.guest("one", "echo runs")).toBe("runs");
}, 300_000);
