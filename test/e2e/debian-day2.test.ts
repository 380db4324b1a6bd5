/** What people do with a lab of Debians that runs: everything but clones, which have a test of their own. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect } from "@jest/globals";
import { CliLab, killed } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";
import { Tmux } from "../support/tmux.ts";

const VMLAB = join(import.meta.dirname, "../../dist/vmlab.js");
const VMS = ["k-n-1", "k-n-2", "k-n-3"];
const MIB = 2 ** 20;
let lab: CliLab;
let terminal: Tmux | undefined;
afterEach(async () => {
  await terminal?.close();
  terminal = undefined;
  await lab.dispose();
});

const toml = (image: string, count: number, memory = "512MiB") => `lab = { name = "day-two" }
[images]
bookworm = { path = "${image}", user = "debian" }
[networks]
net = { cidr = "10.42.0.0/24" }
[environments.k.defaults]
image = "bookworm"
memory = "${memory}"
disk = "3GiB"
ports = ["80"]
networks = [{ name = "net" }]
snapshots = { keep = 1, before_replace = true }
[environments.k.vms.n]
count = ${count}
`;

const write = (vm: string, text: string) => lab.guest(vm, `echo ${text} >> ~/notes && sync`);
const notes = (vm: string) => lab.guest(vm, "cat ~/notes");
const uptime = async (vm: string) => Number((await lab.guest(vm, "cat /proc/uptime")).split(" ")[0]);
const states = async () =>
  (await lab.json<{ state: string }[]>("list", "--env", "k", "--json")).map(({ state }) => state);

async function expectClockOfHost(vm: string): Promise<void> {
  const now = Number(await lab.guest(vm, "date +%s"));
  expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(20);
}

async function expectPings(): Promise<void> {
  for (const [index, from] of VMS.entries())
    await lab.guest(from, `ping -c 1 -w 20 ${VMS[(index + 1) % VMS.length]}`);
}

longTest(
  "three Debians come back to one moment, also after a crash, and go on after they stood still or slept",
  async () => {
    lab = await CliLab.create(toml(await bookworm(), 3));
    await lab.ok("apply", "--yes");
    await lab.ok("wait", "--env", "k");
    for (const vm of VMS) await write(vm, "before");

    // ---- the environment as one, also after all of it died
    await lab.guest(
      "k-n-1",
      "setsid sh -c 'echo $$ > ~/pid; exec sleep 100000' </dev/null >/dev/null 2>&1 &",
    );
    await lab.ok("snapshot", "create", "--env", "k", "--name", "clean", "--description", "as it came");
    for (const vm of VMS) await write(vm, "after");
    await lab.ok("snapshot", "restore", "--env", "k", "--name", "clean", "--yes");
    for (const vm of VMS) expect(await notes(vm)).toBe("before");
    await expectClockOfHost("k-n-2");
    for (const vm of VMS) await write(vm, "again");
    for (const pid of await lab.machines()) await killed(pid);
    expect(await states()).toEqual(["crashed", "crashed", "crashed"]);
    expect((await lab.run(["watch", "--once"])).stdout.match(/died: QEMU died/g)).toHaveLength(3);
    await lab.ok("snapshot", "restore", "--env", "k", "--name", "clean", "--yes");
    for (const vm of VMS) expect(await notes(vm)).toBe("before");
    await lab.guest("k-n-1", "kill -0 $(cat ~/pid)");
    await expectPings();
    expect(await lab.ok("plan")).toContain("No changes.");
    expect(await lab.ok("watch", "--once")).toMatch(/^All is well: 3 VMs /);

    // ---- held and suspended
    await lab.ok("pause", "k-n-1");
    expect(await lab.refused("exec", "k-n-1", "--", "true")).toBeDefined();
    await lab.ok("suspend", "k-n-2", "k-n-3");
    expect(await states()).toEqual(["paused", "suspended", "suspended"]);
    expect(await lab.machines()).toHaveLength(1);
    await lab.ok("resume", "--env", "k");
    expect(await states()).toEqual(["running", "running", "running"]);
    await lab.guest("k-n-1", "kill -0 $(cat ~/pid)");
    await expectClockOfHost("k-n-3");
    await expectPings();

    // ---- what they use, and where they are
    const { vms } = await lab.json<{ vms: { name: string; cpu_percent: number; resident: number }[] }>(
      ...["top", "--env", "k", "--once", "--interval", "1s", "--json"],
    );
    expect(vms.map(({ name }) => name).sort()).toEqual(VMS);
    for (const { resident } of vms) expect(resident).toBeGreaterThan(100 * MIB);
    const { labs } = await lab.json<{ labs: { vms: { disk: { allocated: number } }[] }[] }>(
      "resources",
      "--json",
    );
    for (const { disk } of labs[0]?.vms ?? []) expect(disk.allocated).toBeGreaterThan(10 * MIB);
    expect(await lab.ok("ip", "k-n-2")).toContain("10.42.0.3");
    const port = (await lab.vm("k-n-1")).ports["80"];
    expect(await lab.ok("port", "k-n-1")).toContain(`${port}`);
  },
  3_600_000,
);

longTest(
  "two Debians are worked in, kept at points in time, exported, and come back with the host",
  async () => {
    const image = await bookworm();
    lab = await CliLab.create(toml(image, 2));
    await lab.ok("apply", "--yes");
    for (const vm of ["k-n-1", "k-n-2"]) await write(vm, "before");
    await lab.ok("snapshot", "create", "k-n-2", "--name", "clean", "--description", "as it came");

    // ---- into them: commands, files, a login and the console, in a terminal
    const ran = await lab.run(["exec", "--env", "k", "--", "test $(hostname) != k-n-2"]);
    expect([ran.code, ran.stderr.match(/^k-n-\d +\d/gm)?.map((line) => line.at(-1))]).toEqual([
      1,
      ["0", "1"],
    ]);
    await lab.write("from the host\n", "file");
    await lab.ok("cp", join(lab.folder, "file"), "k-n-1:there");
    await lab.ok("cp", "k-n-1:there", join(lab.folder, "back"));
    expect(await lab.read("back")).toBe("from the host\n");
    terminal = await Tmux.open(["sh"], {
      root: lab.root,
      folder: lab.folder,
      columns: 80,
      rows: 24,
      env: { VMLAB_HOME: lab.home, VMLAB_ACCEL: "tcg", PS1: "host> " },
    });
    const vmlab = `${process.execPath} ${VMLAB}`;
    await terminal.press(`${vmlab} ssh k-n-2`, "Enter");
    await terminal.seen(/debian@k-n-2:~\$/);
    await terminal.press("hostname; exit", "Enter");
    await terminal.seen(/k-n-2\nlogout[\s\S]*host>/);
    await terminal.press(`clear; ${vmlab} console k-n-2`, "Enter");
    await terminal.seen(/Ctrl-\] leaves/);
    await terminal.press("Enter");
    await terminal.seen(/k-n-2 login:/);
    await terminal.press("C-]");
    await terminal.seen(/Left the console\.\nhost>/);
    await terminal.press(`clear; ${vmlab} top --interval 1s`, "Enter");
    await terminal.seen(/2 of 2 run[\s\S]*k-n-1[\s\S]*512M/);
    await terminal.press("q");
    await terminal.seen(/host>/);
    await lab.ok("exec", "k-n-2", "--root", "--", "echo written to the console > /dev/ttyS0");
    expect(await lab.ok("logs", "k-n-2")).toContain("written to the console");

    // ---- one that is off: its disk; the tree; a snapshot before each restart, as many as are kept
    await lab.ok("stop", "k-n-2");
    await lab.ok("snapshot", "create", "k-n-2", "--name", "off");
    expect(await lab.ok("snapshot", "list", "k-n-2")).toMatch(/clean[\s\S]*as it came[\s\S]*off/);
    await lab.ok("start", "k-n-2");
    await write("k-n-2", "later");
    await lab.ok("snapshot", "restore", "k-n-2", "--name", "off", "--yes");
    expect(await notes("k-n-2")).toBe("before");
    await lab.ok("snapshot", "delete", "k-n-2", "--name", "off");
    await lab.ok("restart", "k-n-2");
    expect(await uptime("k-n-2")).toBeLessThan(await uptime("k-n-1"));
    await lab.write(toml(image, 2, "448MiB"));
    await lab.ok("apply", "--yes", "--target", "vm.k-n-2");
    const kept = await lab.json<{ name: string }[]>("snapshot", "list", "k-n-2", "--json");
    expect(kept.map(({ name }) => name)).toEqual(["clean", expect.stringMatching(/^auto-/)]);
    await lab.write(toml(image, 2));

    // ---- made an image of, as an operation
    await lab.ok("stop", "k-n-2");
    await lab.ok("export", "k-n-2", "golden", "--yes");
    expect(await lab.ok("images")).toContain("golden");
    expect(await lab.ok("ops", "list", "--all")).toMatch(/export/);
    expect(await lab.ok("logs", "--self", "-n", "5")).toContain("export");

    // ---- the host goes down, and what ran comes back
    const runtime = join(lab.home, "vms", await lab.instance("k-n-1"), "runtime.json");
    await killed(await lab.pid("k-n-1"));
    const record = JSON.parse(await readFile(runtime, "utf8")) as object;
    await writeFile(runtime, JSON.stringify({ ...record, bootId: "another-boot" }));
    await lab.ok("start", "--resume-all");
    expect(await notes("k-n-1")).toBe("before");
    expect((await lab.vm("k-n-2")).state).toBe("stopped");

    // ---- limits hold for a start as well
    await lab.ok("config", "set", "limits.memory", "900MiB");
    expect(await lab.refused("start", "k-n-2")).toMatch(/MiB of memory[\s\S]*stop k-n-/);
    await lab.ok("config", "unset", "limits.memory");
    await lab.ok("stop", "--env", "k");
    expect(await states()).toEqual(["stopped", "stopped"]);
    expect(await lab.machines()).toEqual([]);
  },
  3_600_000,
);
