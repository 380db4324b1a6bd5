/** `vmlab watch` over pretend machines: what it finds, what it tells whom, and when again. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { main } from "../../cli/main.ts";
import type { Effects } from "../../engine/effects.ts";
import { homeFrom } from "../../engine/home.ts";
import { FileStore } from "../../engine/state/file-store.ts";
import { type FakeFaults, FakeWorld } from "../../providers/fake/world.ts";
import { systemError } from "../support/effects.ts";
import { CliLab } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

const GiB = 2 ** 30;
let lab: CliLab;
let world: FakeWorld;
let hoursLater = 0;
let diskFree = 40 * GiB;

beforeEach(async () => {
  hoursLater = 0;
  diskFree = 40 * GiB;
  lab = await CliLab.create(`[lab]
name = "demo"
provider = "fake"
image = "noble"
[alerts]
command = ["sh", "-c", 'echo "$VMLAB_ALERT_KIND $VMLAB_ALERT_ADDRESS: $VMLAB_ALERT_SUMMARY" >> alerts.txt']
probe = "2h"
disk_free = "10GiB"
[images.noble]
url = "https://example.com/noble.img"
checksum = "sha256:${"a".repeat(64)}"
[vms.web]
ready = { command = "true" }
[vms.db]
`);
  await lab.succeed("apply", "--yes");
  world = new FakeWorld(lab.effects(), homeFrom({ VMLAB_HOME: lab.home }));
});
afterEach(() => lab.remove());

function effects(): Effects {
  const own = lab.effects();
  return {
    ...own,
    clock: { ...own.clock, now: () => own.clock.now() + hoursLater * 3_600_000 },
    host: { ...own.host, disk: async () => ({ total: 100 * GiB, free: diskFree }) },
  };
}
async function vmlab(
  args: readonly string[],
  options: { readonly isTTY?: boolean; readonly effects?: Effects } = {},
) {
  const terminal = new TestTerminal({ cwd: lab.folder, isTTY: options.isTTY === true });
  const code = await main(args, { effects: options.effects ?? effects(), terminal });
  const text = (given: string) => given.replaceAll(lab.root, "ROOT");
  return { code, stdout: text(terminal.stdout), stderr: text(terminal.stderr) };
}
async function disturb(name: string, fields: object): Promise<void> {
  const machine = [...(await world.machines()).values()].find((one) => one.name === name);
  if (machine === undefined) throw new Error(`no ${name}`);
  await world.put({ ...machine, ...fields });
}
async function faults(wanted: FakeFaults): Promise<void> {
  await mkdir(join(lab.home, "fake"), { recursive: true });
  await writeFile(join(lab.home, "fake", "faults.json"), JSON.stringify(wanted));
}
const handedOver = () => readFile(join(lab.folder, "alerts.txt"), "utf8").catch(() => "");

test("a healthy lab is well", async () => {
  expect(await vmlab(["watch", "--once"])).toEqual({
    code: 0,
    stdout: "All is well: 2 VMs and 1 image of 1 lab, 40 GiB free.\n",
    stderr: "",
  });
});

test("a VM that died is told once to whoever comes next, and again only after it was gone", async () => {
  await disturb("web", { state: "stopped", clean: false });
  const found = {
    code: 2,
    stdout: `vm.web of demo died: the pretend machine crashed
  → vmlab -C ROOT/lab start web

1 problem among 2 VMs and 1 image of 1 lab, 40 GiB free.
`,
    stderr: "",
  };
  expect(await vmlab(["watch", "--once"])).toEqual(found);
  const alert = "vm-died vm.web: vm.web of demo died: the pretend machine crashed\n";
  expect(await handedOver()).toBe(alert);
  expect((await vmlab(["plan"])).stderr).toMatch(
    /^Alert: vm\.web of demo died: the pretend machine crashed \(\S+ ago\)\. Run "vmlab -C ROOT\/lab start web"\.\n$/,
  );
  expect((await vmlab(["plan"])).stderr).toBe("");
  hoursLater = 1;
  const again = await vmlab(["watch", "--once"]);
  expect([again.code, again.stdout.split("\n")[0]]).toEqual([
    2,
    "vm.web of demo died: the pretend machine crashed (for 1h)",
  ]);
  expect(await handedOver()).toBe(alert);

  await disturb("web", { state: "running" });
  expect((await vmlab(["watch", "--once"])).code).toBe(0);
  await disturb("web", { state: "stopped", clean: false });
  expect(await vmlab(["watch", "--once"])).toEqual(found);
  expect(await handedOver()).toBe(alert + alert);
});

test("who sees it on the screen is not told again", async () => {
  await disturb("web", { state: "stopped", clean: false });
  expect((await vmlab(["watch", "--once"], { isTTY: true })).code).toBe(2);
  expect((await vmlab(["plan"])).stderr).toBe("");
});

test("what was stopped on request is no trouble", async () => {
  await lab.succeed("stop", "web");
  expect((await vmlab(["watch", "--once"])).code).toBe(0);
});

test("a ready.command counts when it has failed for long", async () => {
  await faults({ failures: [{ step: "probe", name: "web", message: "exit code 7" }] });
  const look = async () => {
    const { code, stdout } = await vmlab(["watch", "--once"]);
    return [code, stdout.split("\n")[0]];
  };
  expect(await look()).toEqual([0, "All is well: 2 VMs and 1 image of 1 lab, 40 GiB free."]);
  hoursLater = 1;
  expect((await look())[0]).toBe(0);
  hoursLater = 2;
  expect(await look()).toEqual([2, "vm.web of demo fails its ready.command: exit code 7 (for 2h)"]);
  await faults({});
  expect((await look())[0]).toBe(0);
  await faults({ failures: [{ step: "probe", name: "web" }] });
  expect((await look())[0]).toBe(0);
});

test("an image that is missing and a disk that fills up are found, as JSON too", async () => {
  const image = JSON.parse(await lab.succeed("show", "--json")) as unknown;
  const digest = /"instance":\s*"([0-9a-f]{64})"/.exec(JSON.stringify(image))?.[1] ?? "";
  await world.putImage({ digest, key: "", present: false });
  diskFree = 9 * GiB;
  const { code, stdout } = await vmlab(["watch", "--once", "--json"]);
  expect(code).toBe(2);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ time: _, since: __, ...fields }) => fields)).toEqual([
    {
      type: "finding",
      state: "new",
      kind: "disk-low",
      address: null,
      lab: "demo",
      folder: "ROOT/lab",
      summary: expect.stringMatching(
        /^the host has little space left: 9 GiB of 100 GiB at .*, less than 10 GiB$/,
      ),
      remedy: "vmlab images prune",
    },
    {
      type: "finding",
      state: "new",
      kind: "image-damaged",
      address: "image.noble",
      lab: "demo",
      folder: "ROOT/lab",
      summary: "image.noble of demo is missing from the store",
      remedy: "vmlab images verify --repair",
    },
    { type: "looked", findings: 2, labs: 1, vms: 2, images: 1, free: 9 * GiB, left_out: [], in_part: [] },
  ]);
  expect(await handedOver()).toMatch(/^disk-low : the host has little space left/m);
});

test("each lab is told of a disk with less space than it wants, whoever else is looked at", async () => {
  const toml = await lab.read("lab.toml");
  await lab.write("../second/lab.toml", toml.replace("demo", "second").replace("10GiB", "50GiB"));
  await lab.succeed("-C", join(lab.root, "second"), "apply", "--yes");
  const all = async () => (await vmlab(["watch", "--once", "--all-labs"])).stdout;
  const tight = /^the host has little space left: 40 GiB of 100 GiB at \S+, less than 50 GiB/;
  expect(await all()).toMatch(tight);
  expect((await vmlab(["watch", "--once"])).stdout).toMatch(/^All is well: /);
  expect((await vmlab(["plan"])).stderr).toContain("less than 50 GiB");
  expect(await all()).toMatch(tight);
  expect((await vmlab(["plan"])).stderr).toBe("");
  expect([await handedOver(), (await lab.read("../second/alerts.txt")).split("\n").length]).toEqual(["", 2]);

  await lab.write("../second/lab.toml", toml.replace("demo", "second"));
  diskFree = 9 * GiB;
  expect((await all()).match(/less than/g)).toEqual(["less than"]);
});

test("a disk that fills up under a command is told", async () => {
  const store = new FileStore({ effects: effects(), folder: join(lab.folder, ".vmlab"), tool: "0.1.0" });
  const lock = await store.lock("apply", { timeoutMs: 0 });
  diskFree = 9 * GiB;
  const { code, stdout, stderr } = await vmlab(["watch", "--once"]);
  await lock.release();
  expect([code, stdout.split(" at ")[0]]).toEqual([2, "the host has little space left: 9 GiB of 100 GiB"]);
  expect(stderr).toMatch(/^Note: demo is not looked at: apply \(pid \d+\) is at work on it\n$/);
  expect(await handedOver()).toMatch(/^disk-low : /);
});

test("a disk that is full already is told of all the same, and once", async () => {
  diskFree = 0;
  const own = effects();
  const full = async (): Promise<never> => {
    throw systemError("ENOSPC");
  };
  const terminal = new TestTerminal({ cwd: lab.folder });
  let looks = 0;
  const sleep = async (ms: number, signal?: AbortSignal) => {
    if (ms !== 30_000) return await own.clock.sleep(ms, signal);
    looks += 1;
    if (looks === 3) terminal.interrupt();
  };
  const files = { ...own.files, write: full, createExclusive: full, jot: full, makeDir: full };
  const code = await main(["watch", "--interval", "30s"], {
    effects: { ...own, files, clock: { ...own.clock, sleep } },
    terminal,
  });
  expect([code, terminal.stderr]).toEqual([0, ""]);
  expect(terminal.stdout.match(/has little space left: 0 B of 100 GiB/g)).toHaveLength(1);
  expect((await handedOver()).split("\n").filter((line) => line !== "")).toHaveLength(1);
});

test("it goes on until Ctrl-C, and tells what is new and what is over", async () => {
  const terminal = new TestTerminal({ cwd: lab.folder });
  const own = effects();
  const seen: string[] = [];
  let looks = 0;
  const clock = {
    ...own.clock,
    // Between two looks something happens.
    sleep: async (ms: number, signal?: AbortSignal) => {
      if (ms !== 30_000) return await own.clock.sleep(ms, signal);
      seen.push(terminal.stdout);
      terminal.stdout = "";
      looks += 1;
      if (looks === 1) await disturb("web", { state: "stopped", clean: false });
      else if (looks === 3) await disturb("web", { state: "running", clean: true });
      else if (looks === 4) terminal.interrupt();
    },
  };
  const code = await main(["watch", "--interval", "30s"], { effects: { ...own, clock }, terminal });
  expect([code, looks]).toEqual([0, 4]);
  expect(seen.map((text) => text.replaceAll(lab.root, "ROOT").replaceAll(/\d\d:\d\d:\d\d/g, "TIME"))).toEqual(
    [
      "Watching this lab, every 30 s. Ctrl-C ends.\n",
      "TIME  vm.web of demo died: the pretend machine crashed\n          → vmlab -C ROOT/lab start web\n",
      "",
      expect.stringMatching(/^TIME {2}over after \S+: vm\.web of demo died: the pretend machine crashed\n$/),
    ],
  );
});

test("a lab.toml that does not evaluate keeps its alerts, and what cannot be done is told", async () => {
  await disturb("web", { state: "stopped", clean: false });
  diskFree = 9 * GiB;
  await lab.write("lab.toml", `${await lab.read("lab.toml")}[vars.token]\n`);
  const { code, stderr } = await vmlab(["watch", "--once"]);
  expect([code, stderr]).toEqual([
    2,
    'Note: demo is looked at in part, without ready.command: The variable "token" has no value\n',
  ]);
  expect(await handedOver()).toMatch(/^vm-died vm\.web: /m);
  expect(await handedOver()).toMatch(/^disk-low : /m);
  await lab.write("lab.toml", "lab = {");
  expect((await vmlab(["watch", "--once"])).stderr).toMatch(
    /^Note: demo is looked at in part, without \[alerts\] and ready\.command: Not valid TOML: /,
  );
});

test("a VM that is deleted while a look goes on is not told as gone", async () => {
  const own = effects();
  let deleted = false;
  // The state was read by the time that the machines are.
  const stat = async (path: string) => {
    if (path.endsWith("world.log") && !deleted) {
      deleted = true;
      await lab.succeed("delete", "db", "--force", "--yes");
    }
    return await own.files.stat(path);
  };
  const { stderr } = await vmlab(["watch", "--once"], {
    effects: { ...own, files: { ...own.files, stat } },
  });
  expect([deleted, stderr]).toEqual([
    true,
    "Note: demo is not looked at: another command has just changed it\n",
  ]);
  expect(await handedOver()).toBe("");
  expect((await vmlab(["watch", "--once"])).stdout).toBe(
    "All is well: 1 VM and 1 image of 1 lab, 40 GiB free.\n",
  );
});

test("a lab that cannot be read is told, and the others are looked at", async () => {
  await lab.write("../torn/lab.toml", (await lab.read("lab.toml")).replace("demo", "torn"));
  const torn = join(lab.root, "torn");
  await lab.succeed("-C", torn, "apply", "--yes");
  await rm(join(torn, ".vmlab", "state.json"));
  await mkdir(join(torn, ".vmlab", "state.json"));
  await disturb("db", { state: "stopped", clean: false });
  const { code, stdout, stderr } = await vmlab(["watch", "--once", "--all-labs"]);
  expect([code, stdout]).toEqual([
    2,
    `vm.db of demo died: the pretend machine crashed
  → vmlab -C ROOT/lab start db

1 problem among 2 VMs and 1 image of 1 lab, 40 GiB free.
Not looked at: ROOT/torn.
`,
  ]);
  expect(stderr).toMatch(
    /^Error: ROOT\/torn is not looked at: a folder is where a file should be \[host\/system-error\]\n/,
  );
});

test("a lab whose machines cannot be read is told", async () => {
  const own = effects();
  const stat = async (path: string) => {
    if (path.endsWith("world.log")) throw systemError("EIO");
    return await own.files.stat(path);
  };
  const { code, stdout, stderr } = await vmlab(["watch", "--once"], {
    effects: { ...own, files: { ...own.files, stat } },
  });
  expect([code, stdout]).toEqual([
    1,
    "Nothing wrong was found: 0 VMs and 0 images of 0 labs, 40 GiB free.\nNot looked at: demo.\n",
  ]);
  expect(stderr).toMatch(/^Error: demo is not looked at: the disk reports an input\/output error /);
});

test("a lab whose record in VMLAB_HOME is damaged is told", async () => {
  await lab.write("../home/labs/0123456789abcdef.json", "{");
  const { code, stdout, stderr } = await vmlab(["watch", "--once", "--all-labs"]);
  expect([code, stdout]).toEqual([
    1,
    `Nothing wrong was found: 2 VMs and 1 image of 1 lab, 40 GiB free.
Not looked at: a lab whose record is damaged.
`,
  ]);
  expect(stderr).toContain("[host/damaged-ledger]");
});

test("what it cannot do is said", async () => {
  const problem = async (...args: string[]) => (await vmlab(["watch", ...args])).stderr.split("\n")[0];
  expect(await problem("--once", "--install")).toBe(
    "Error: --install, --remove and --once exclude each other [cli/usage]",
  );
  expect(await problem("--interval", "0")).toBe("Error: --interval is at least 1s [cli/usage]");
  expect(await problem("-C", "nowhere", "--once")).toMatch(
    /^Error: there is no folder .*nowhere \[cli\/no-folder\]$/,
  );
});
