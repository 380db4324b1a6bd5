/** One lab on the tiny guest, from its first apply to its destroy: what plan says is what apply does. */
import { execFile } from "node:child_process";
import { appendFile, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, gone, killed } from "../support/cli-lab.ts";
import { tinyGuest, unbootableGuest } from "../support/guests/tiny.ts";

const run = promisify(execFile);

interface Settings {
  readonly image?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly ports?: string;
  readonly boot?: string;
}

let lab: CliLab;
let images: string;

beforeEach(async () => {
  const tiny = await tinyGuest();
  lab = await CliLab.create("");
  // The same guest in other bytes: another image.
  const other = join(lab.root, "other.qcow2");
  await run("qemu-img", ["convert", "-O", "qcow2", "-o", "compat=0.10", tiny, other]);
  const broken = await unbootableGuest(lab.root);
  images = `tiny = { path = "${tiny}", user = "lab" }
other = { path = "${other}", user = "lab" }
broken = { path = "${broken}", user = "lab" }`;
});
afterEach(() => lab.dispose());

/** vm.web is declared in line 6. */
function toml({ image, memory, disk, ports, boot }: Settings): string {
  return `lab = { name = "life" }
[images]
${images}
[vms.web]
image = "${image ?? "tiny"}"
memory = "${memory ?? "128MiB"}"
disk = "${disk ?? "96MiB"}"
ports = [${ports ?? '"80"'}]
timeouts = { boot = "${boot ?? "5m"}" }
run = ["echo page > /home/lab/index.html"]
[outputs]
web = { value = "\${vms.web.ports['80']}" }
[alerts]
disk_free = 1
`;
}

async function fetchText(port: number | undefined): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/index.html`);
  return (await answer.text()).trim();
}

/** Runs until the web server in the guest answers on a host port. */
function serve(port: number): Promise<string> {
  return lab.guest("web", `httpd -p ${port} -h /home/lab`);
}

const memoryOfGuest = async () =>
  Number(await lab.guest("web", "awk '$1 == \"MemTotal:\" { print $2 }' /proc/meminfo"));
const diskOfGuest = async () => Number(await lab.guest("web", "df -k / | awk 'NR == 2 { print $2 }'"));

interface HostUsage {
  readonly host: { readonly disk: { readonly free: number } };
  readonly disk: { readonly used: number };
  readonly memory: { readonly used: number };
  readonly labs: readonly {
    readonly vms: readonly { readonly disk: { readonly allocated: number } }[];
  }[];
}

/** `vmlab resources` and `top` tell what qemu-img, /proc, df and du do. */
async function expectAgreement(instance: string, pid: number): Promise<void> {
  const disk = join(lab.home, "vms", instance, "disk-0.qcow2");
  const output = async (program: string, ...args: string[]) => (await run(program, args)).stdout;
  const told = async () => {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const info = JSON.parse(await output("qemu-img", "info", "-U", "--output=json", disk));
    return {
      allocated: Number(info["actual-size"]),
      resident: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
      free: Number((await output("df", "-B1", "--output=avail", lab.home)).split("\n")[1]),
      used: Number.parseInt(await output("du", "-sB1", lab.home), 10),
    };
  };
  const [before, usage, after] = [
    await told(),
    await lab.json<HostUsage>("resources", "--json"),
    await told(),
  ];
  const found = {
    allocated: usage.labs[0]?.vms[0]?.disk.allocated ?? 0,
    resident: usage.memory.used,
    free: usage.host.disk.free,
    used: usage.disk.used,
  };
  for (const what of ["allocated", "resident", "free", "used"] as const) {
    // The guest goes on meanwhile.
    expect(found[what]).toBeGreaterThan(Math.min(before[what], after[what]) * 0.98);
    expect(found[what]).toBeLessThan(Math.max(before[what], after[what]) * 1.02);
  }
  const { vms } = await lab.json<{ vms: object[] }>("top", "web", "--once", "--interval", "1s", "--json");
  const figure = expect.any(Number) as unknown;
  expect(vms).toEqual([
    {
      ...{ name: "web", state: "running", memory: 128 * 2 ** 20, resident: figure, uptime_ms: figure },
      ...{ cpu_percent: figure, read_bytes_per_second: figure, written_bytes_per_second: figure },
      ...{ received_packets_per_second: figure, sent_packets_per_second: figure },
    },
  ]);
}

test("a lab lives through changes, accidents and a failed replacement as its plans say", async () => {
  // ---- made
  await lab.write(toml({}));
  expect(await lab.changes()).toEqual([
    expect.stringMatching(/^\+ {2}image\.tiny {2}copy \S+ {2}lab\.toml:3$/),
    "+  vm.web  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:6  after 1",
  ]);
  const applied = await lab.ok("apply", "--yes");
  const made = await lab.vm("web");
  expect(applied).toContain(`Outputs:\n  web = ${made.ports["80"]}\n`);
  expect(await lab.ok("plan")).toMatch(/\nNo changes\. 2 resources are as declared\.\n$/);
  expect(await lab.changes()).toEqual([]);
  expect((await lab.run(["plan", "--detailed-exitcode"])).code).toBe(0);
  const instance = await lab.instance("web");
  const firstPid = await lab.pid("web");
  await serve(80);
  expect(await fetchText(made.ports["80"])).toBe("page");
  await expectAgreement(instance, firstPid);

  // ---- a port: live
  await lab.write(toml({ ports: '"80", "8080"' }));
  expect(await lab.changes()).toEqual(["~  vm.web  ports +8080 (live)  lab.toml:6"]);
  expect(await lab.reasons("vm.web")).toEqual([{ kind: "attribute", path: "ports", change: "live" }]);
  expect((await lab.run(["plan", "--detailed-exitcode"])).code).toBe(2);
  await lab.ok("apply", "--yes");
  await serve(8080);
  const ports = (await lab.vm("web")).ports;
  expect(ports).toEqual({ "80": made.ports["80"], "8080": expect.any(Number) });
  expect(await fetchText(ports["8080"])).toBe("page");

  // ---- the disk: grown in place
  const diskBefore = await diskOfGuest();
  await lab.write(toml({ ports: '"80", "8080"', disk: "160MiB" }));
  expect(await lab.changes()).toEqual(["~  vm.web  disk 96 MiB → 160 MiB (grown in place)  lab.toml:6"]);
  expect(await lab.reasons("vm.web")).toEqual([{ kind: "attribute", path: "disk", change: "grow" }]);
  await lab.ok("apply", "--yes");
  expect((await diskOfGuest()) - diskBefore).toBeGreaterThan(50 * 1024);
  expect(await lab.pid("web")).toBe(firstPid);
  await lab.write(toml({ ports: '"80", "8080"' }));
  expect(await lab.refused("plan")).toContain("the disk of vm.web cannot shrink from 160 MiB to 96 MiB");

  // ---- memory: a restart
  const settings = { ports: '"80", "8080"', disk: "160MiB", memory: "160MiB" };
  const memoryBefore = await memoryOfGuest();
  await lab.write(toml(settings));
  expect(await lab.changes()).toEqual(["~  vm.web  memory 128 MiB → 160 MiB (restart)  lab.toml:6"]);
  expect(await lab.reasons("vm.web")).toEqual([{ kind: "attribute", path: "memory", change: "restart" }]);
  await lab.ok("apply", "--yes");
  expect((await memoryOfGuest()) - memoryBefore).toBeGreaterThan(25 * 1024);
  expect(await lab.instance("web")).toBe(instance);
  expect(await lab.changes()).toEqual([]);

  // ---- QEMU dies: drift, mended by starting
  await killed(await lab.pid("web"));
  expect(await lab.changes()).toEqual(["~  vm.web  QEMU died  lab.toml:6"]);
  expect(await lab.reasons("vm.web")).toEqual([{ kind: "drift", what: "QEMU died" }]);
  expect(await lab.vm("web")).toMatchObject({ state: "crashed" });
  const watched = await lab.run(["watch", "--once"]);
  expect([watched.code, watched.stdout]).toEqual([
    2,
    expect.stringContaining(`vm.web of life died: QEMU died\n  → vmlab -C ${lab.folder} start web\n`),
  ]);
  const told = await lab.run(["apply", "--yes"]);
  expect([told.code, told.stderr]).toEqual([
    0,
    expect.stringMatching(/^Alert: vm\.web of life died: QEMU died /),
  ]);
  // What its console has grown to is cut while QEMU goes on writing to it.
  const console = join(lab.home, "vms", await lab.instance("web"), "console.log");
  await appendFile(console, "x\n".repeat(5 * 2 ** 20));
  expect(await lab.ok("watch", "--once")).toMatch(/^All is well: 1 VM and 1 image of 1 lab, /);
  expect((await stat(console)).size).toBeLessThan(2 ** 20);
  await lab.ok("exec", "web", "--root", "--", "echo still here > /dev/ttyS0");
  expect(await lab.ok("logs", "web")).toContain("still here\n");
  expect(await lab.guest("web", "cat /home/lab/index.html")).toBe("page");
  expect(await lab.changes()).toEqual([]);
  expect((await lab.vm("web")).ports).toEqual(ports);

  // ---- stopped, and powered off from inside: notes
  await lab.ok("stop", "web");
  expect(await lab.machines()).toEqual([]);
  expect(await lab.changes()).toEqual(["Note: vm.web is stopped on request; `vmlab start web` starts it"]);
  await lab.ok("apply", "--yes");
  expect(await lab.machines()).toEqual([]);
  await lab.ok("start", "web");
  expect((await lab.vm("web")).ports).toEqual(ports);
  const pid = await lab.pid("web");
  await lab.run(["exec", "web", "--", "poweroff"]);
  await gone(pid);
  const note = "Note: vm.web was powered off from inside; `vmlab start web` starts it";
  expect(await lab.changes()).toEqual([note]);
  await lab.ok("apply", "--yes");
  expect(await lab.changes()).toEqual([note]);
  expect(await lab.machines()).toEqual([]);
  await lab.ok("start", "web");
  expect(await lab.changes()).toEqual([]);
  expect((await lab.vm("web")).ports).toEqual(ports);
  await serve(8080);
  expect(await fetchText(ports["8080"])).toBe("page");

  // ---- the image: a replacement that never gets ready gives way to the old machine
  await lab.write(toml({ ...settings, image: "broken", boot: "2s" }));
  expect(await lab.changes()).toEqual([
    expect.stringMatching(/^\+ {2}image\.broken {2}copy \S+ {2}lab\.toml:5$/),
    "±  vm.web  image tiny → broken  lab.toml:6  after 1",
    "-  image.tiny  not used by this lab any more; stays in the store  after 2",
    "Data loss: vm.web disk (160 MiB). Kept in the trash for 7 days.",
  ]);
  const failed = await lab.run(["apply", "--yes"]);
  expect(failed.code).toBe(1);
  expect(failed.all).toMatch(/web did not get ready: waiting for the SSH banner took longer than \d+ s/);
  expect(failed.all).toMatch(/vm\.web +rolled back: the old machine runs again/);
  expect(await lab.vmFolders()).toEqual([instance]);
  await lab.ok("wait", "web");
  expect(await lab.guest("web", "cat /home/lab/index.html")).toBe("page");
  expect((await lab.vm("web")).ports).toEqual(ports);
  const looked = await lab.json<{ name: string; reason: string }[]>("trash", "list", "--json");
  expect(looked).toEqual([
    expect.objectContaining({ name: "web", reason: expect.stringContaining("did not get ready") }),
  ]);
  expect(await lab.reasons("vm.web")).toContainEqual({
    kind: "attribute",
    path: "image",
    change: "replace",
  });
  await lab.write(toml(settings));
  await lab.ok("apply", "--yes");
  expect(await lab.changes()).toEqual([]);
  expect(await lab.instance("web")).toBe(instance);

  // ---- the image: replaced, the old machine goes to the trash
  await lab.guest("web", "echo old > /home/lab/mark; sync");
  await lab.write(toml({ ...settings, image: "other" }));
  expect(await lab.changes()).toContainEqual("±  vm.web  image tiny → other  lab.toml:6  after 1");
  await lab.ok("apply", "--yes");
  const replaced = await lab.instance("web");
  expect(replaced).not.toBe(instance);
  expect(await lab.vmFolders()).toEqual([replaced]);
  expect(await lab.machines()).toEqual([await lab.pid("web")]);
  expect(await lab.guest("web", "ls /home/lab")).toBe("index.html");
  expect(JSON.parse(await lab.ok("output", "web", "--json"))).toBe((await lab.vm("web")).ports["80"]);
  expect(await lab.changes()).toEqual([]);
  expect(await lab.list("trash")).toContain(instance);

  // ---- destroyed
  await lab.ok("destroy", "--yes");
  expect(await lab.machines()).toEqual([]);
  expect(await lab.vmFolders()).toEqual([]);
  for (const folder of ["labs", "locks", "images/.locks", "logs", "operations/current"])
    expect({ folder, left: await lab.list(folder) }).toEqual({ folder, left: [] });
  expect(await lab.list("trash")).toHaveLength(3);
  // Its keys stay as long as its trash, which could not be logged in to without them.
  await lab.ok("trash", "empty", "--yes");
  expect(await lab.list("trash")).toEqual([]);
  expect(await lab.list("keys")).toEqual([]);
  expect((await lab.list(".")).sort()).toEqual([
    "cache",
    "images",
    "keys",
    "labs",
    "locks",
    "log",
    "logs",
    "operations",
    "trash",
    "vms",
    "watch.json",
  ]);
}, 600_000);
