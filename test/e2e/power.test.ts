/** Many tiny guests at once: started, used, paused, suspended and stopped, while some of them are made to fail. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, killed } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { FULL, longTest } from "../support/long-test.ts";

const run = promisify(execFile);
const MANY = FULL ? 20 : 6;
const BOOTS = 3;
let lab: CliLab;
let server: Server | undefined;

beforeEach(async () => {
  lab = await CliLab.create("");
});
afterEach(async () => {
  server?.close();
  await lab.dispose();
});

async function listen(): Promise<number> {
  const made = createServer();
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const address = made.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Rows of the outcome table at the end of the output: the name, what came of it, and why. */
function outcomes(text: string): Record<string, string> {
  const lines = text.slice(text.lastIndexOf("\nNAME ")).trim().split("\n").slice(1);
  return Object.fromEntries(
    lines
      .filter((line) => /^\S/.test(line))
      .map((line) => {
        const [name = "", ...rest] = line.split(/ {2,}/);
        return [name, rest.filter((cell) => !/^[\d.]+ ?m?s$|^\d+m \d+s$/.test(cell)).join(" ")];
      }),
  );
}

interface Ran {
  readonly time: string;
  readonly type: string;
  readonly operation?: { readonly step: string };
  readonly diagnostics?: readonly { readonly code: string }[];
}

/** Most VMs that were between the beginning of their start and being ready at one moment. */
function mostBooting(events: readonly Ran[]): number {
  let booting = 0;
  let most = 0;
  for (const { type, operation } of events) {
    if (type === "operation-started" && operation?.step === "start") booting += 1;
    if (type === "operation-finished" && operation?.step === "ready") booting -= 1;
    most = Math.max(most, booting);
  }
  return most;
}

/** Names of what is saved inside a VM's disk. */
async function insideDisk(vm: string): Promise<string[]> {
  const disk = join(lab.home, "vms", await lab.instance(vm), "disk-0.qcow2");
  const { stdout } = await run("qemu-img", ["info", "-U", "--output=json", disk]);
  const { snapshots = [] } = JSON.parse(stdout) as { snapshots?: { name: string }[] };
  return snapshots.map(({ name }) => name);
}

/** Puts other bytes in the place of a file of the store; what it resolves with brings the file itself back. */
async function damage(path: string): Promise<() => Promise<void>> {
  const whole = `${path}.whole`;
  await rename(path, whole);
  await writeFile(path, Buffer.alloc(4096, 0xff));
  return () => rename(whole, path);
}

test("a batch of VMs is started, used, held and stopped at once, and each one's trouble is its own", async () => {
  const port = await listen();
  const tiny = await tinyGuest();
  const other = join(lab.root, "other.qcow2");
  await run("qemu-img", ["convert", "-O", "qcow2", "-o", "compat=0.10", tiny, other]);
  await lab.write(`lab = { name = "batch" }
[images]
tiny = { path = "${tiny}", user = "lab" }
other = { path = "${other}", user = "lab" }
[volumes]
data = { size = "8MiB", filesystem = "none" }
[environments.b]
defaults = { image = "tiny", memory = "128MiB", disk = "96MiB", power = "stopped" }
[environments.b.vms.n]
count = ${MANY - 2}
[environments.b.vms.port]
ports = ["${port}:80"]
[environments.b.vms.image]
image = "other"
volumes = [{ name = "data" }]
`);
  await mkdir(lab.home, { mode: 0o700 });
  await writeFile(join(lab.home, "config.toml"), `[limits]\nparallel_starts = ${BOOTS}\ncpus = ${MANY}\n`);
  await lab.ok("apply", "--yes");
  const plain = Array.from({ length: MANY - 2 }, (_, index) => `b-n-${index + 1}`);
  const all = (what: string) =>
    Object.fromEntries([...plain, "b-port", "b-image"].map((name) => [name, what]));

  // ---- started, but for two that are found wanting before anything is done
  const { attributes } = (
    await lab.json<{ resources: Record<string, { attributes: { base: string } }> }>("state", "pull")
  ).resources["vm.b-image"] ?? { attributes: { base: "" } };
  const mend = await damage(join(lab.home, "images", attributes.base.replace(/^sha256:/, ""), "disk.qcow2"));
  const first = await lab.run(["start", "--all", "--json"]);
  const events = first.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Ran);
  expect(first.code).toBe(1);
  const failures = events.flatMap(({ type, diagnostics = [] }) =>
    type === "operation-failed" ? [diagnostics[0]?.code] : [],
  );
  expect(failures.sort()).toEqual(["operate/image-changed", "qemu/port-taken"]);
  expect(mostBooting(events)).toBe(BOOTS);
  expect(await lab.machines()).toHaveLength(MANY - 2);

  // ---- mended, these are started beside the others
  await mend();
  server?.close();
  expect(outcomes(await lab.ok("start", "--all"))).toEqual({
    ...all("already running"),
    "b-port": "started",
    "b-image": "started",
  });

  // ---- a command in all of them, which fails in one
  const ran = await lab.run(["exec", "--all", "--", 'echo $$ > ~/shell; test "$(hostname)" != b-n-2']);
  expect(ran.code).toBe(1);
  expect(outcomes(ran.stderr)).toEqual({ ...all("0"), "b-n-2": "1" });

  // ---- held
  expect(outcomes(await lab.ok("pause", "b-n-1", "b-n-2"))).toEqual({ "b-n-1": "paused", "b-n-2": "paused" });
  const held = await lab.run(["exec", "b-n-*", "--", "true"]);
  expect([held.code, outcomes(held.stderr)["b-n-1"]]).toEqual([1, "- is paused"]);
  await lab.guest(
    "b-image",
    "setsid sh -c 'echo $$ > ~/pid; exec sleep 100000' </dev/null >/dev/null 2>&1 &",
  );
  await lab.guest("b-image", "echo kept | sudo dd of=/dev/vdc bs=512 conv=sync 2>/dev/null; sync");
  await lab.ok("suspend", "b-image", "b-n-2", "b-n-3");
  expect(await lab.machines()).toHaveLength(MANY - 3);
  expect(await lab.refused("snapshot", "create", "b-image", "--name", "no")).toBeDefined();
  // Killed in the middle, a vmlab leaves a machine that runs or one that is suspended.
  await lab.run(["resume", "b-image"], { signals: [{ when: /loading its memory/, send: "SIGKILL" }] });
  expect((await lab.vm("b-image")).state).toBe("suspended");
  expect(outcomes(await lab.ok("resume", "b-image", "b-n-1", "b-n-2", "b-n-3"))).toEqual({
    "b-image": "resumed",
    "b-n-1": "resumed",
    "b-n-2": "resumed",
    "b-n-3": "resumed",
  });
  await lab.guest("b-image", "kill -0 $(cat ~/pid)");
  expect(await lab.guest("b-image", "sudo head -c 4 /dev/vdc")).toBe("kept");
  const now = Number(await lab.guest("b-image", "date +%s"));
  expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(20);
  // What was loaded once cannot be loaded again.
  expect(await insideDisk("b-image")).toEqual([]);

  // ---- what is suspended and given up boots from its disk
  await lab.ok("suspend", "b-n-2");
  await lab.ok("stop", "b-n-2", "--force");
  expect(await insideDisk("b-n-2")).toEqual([]);

  // ---- all but one stopped; that one dies with the host
  const rest = [...plain.slice(1), "b-port", "b-image"];
  const stops = outcomes(await lab.ok("stop", ...rest));
  expect(stops).toEqual({
    ...Object.fromEntries(rest.map((name) => [name, "stopped"])),
    "b-n-2": "already stopped",
  });
  await killed(await lab.pid("b-n-1"));
  const runtime = join(lab.home, "vms", await lab.instance("b-n-1"), "runtime.json");
  const record = JSON.parse(await readFile(runtime, "utf8")) as object;
  await writeFile(runtime, JSON.stringify({ ...record, bootId: "another-boot" }));
  expect((await lab.vm("b-n-1")).note).toBe("the host went down while it was running");
  const back = await lab.run(["-C", lab.root, "start", "--resume-all"]);
  expect([back.code, back.stdout.match(/\nbatch +b-n-1 +started/g)]).toEqual([0, expect.anything()]);
  expect(await lab.guest("b-n-1", "hostname")).toBe("b-n-1");
  expect(await lab.machines()).toHaveLength(1);
  expect(outcomes(await lab.ok("stop", "--all"))).toEqual({ ...all("already stopped"), "b-n-1": "stopped" });
}, 1_200_000);

interface Cut {
  readonly command: "suspend" | "resume";
  readonly when: RegExp;
  readonly afterMs?: number;
  /** QEMU dies with vmlab. */
  readonly both?: true;
  /** How the VM is found; where the moment decides, one of several. */
  readonly found: readonly string[];
}

/** Every phase, and moments within those that take some time. */
const CUTS: readonly Cut[] = [
  { command: "suspend", when: /saving its memory/, found: ["running"] },
  { command: "suspend", when: /saving its memory/, afterMs: 100, found: ["paused", "suspended"] },
  { command: "suspend", when: /saving its memory/, afterMs: 300, found: ["paused", "suspended"] },
  { command: "suspend", when: /ending QEMU/, found: ["suspended"] },
  {
    command: "suspend",
    when: /saving its memory/,
    afterMs: 200,
    both: true,
    found: ["crashed", "suspended"],
  },
  { command: "suspend", when: /ending QEMU/, both: true, found: ["suspended"] },
  { command: "resume", when: /starting QEMU/, found: ["suspended"] },
  { command: "resume", when: /loading its memory/, found: ["suspended"] },
  { command: "resume", when: /loading its memory/, afterMs: 150, found: ["suspended", "running"] },
  { command: "resume", when: /setting the guest's clock/, found: ["running"] },
  { command: "resume", when: /clearing up/, found: ["running"] },
  { command: "resume", when: /loading its memory/, both: true, found: ["suspended"] },
  { command: "resume", when: /setting the guest's clock/, both: true, found: ["crashed"] },
];

// Every cut is followed by another start of the guest.
longTest(
  "whatever is killed while it is suspended or resumed, a VM runs or is suspended, and its disks fit its memory",
  async () => {
    await lab.write(`lab = { name = "cut" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
[vms.one]
image = "tiny"
memory = "128MiB"
disk = "96MiB"
`);
    await lab.ok("apply", "--yes");
    let seen = 0;
    for (const { command, when, afterMs, both, found } of CUTS) {
      const about = `${command}, ${when.source} + ${afterMs ?? 0} ms${both ? ", QEMU too" : ""}`;
      if (command === "resume") await lab.ok("suspend", "one");
      else await lab.guest("one", "date > ~/mark; sync");
      const cut = { when, send: "SIGKILL", ...(afterMs === undefined ? {} : { afterMs }) } as const;
      await lab.run([command, "one"], { signals: [cut] });
      if (both) for (const pid of await lab.machines()) await killed(pid);
      const { state } = await lab.vm("one");
      expect({ about, state: found.includes(state) ? found : state }).toEqual({ about, state: found });
      await lab.ok("start", "one");
      expect(await lab.guest("one", "test -s ~/mark && echo whole")).toBe("whole");
      const one = Number((await lab.guest("one", "cat /proc/uptime")).split(" ")[0]);
      expect({ about, goesOn: state === "crashed" || one > seen }).toEqual({ about, goesOn: true });
      seen = one;
      expect(await insideDisk("one")).toEqual([]);
      expect(await lab.ok("plan")).toContain("No changes.");
    }
  },
  1_200_000,
);
