/** Volumes in tiny guests: the data outlive their VMs, and disks come, grow and go while guests run. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { longTest } from "../support/long-test.ts";

let lab: CliLab;
let tiny: string;

beforeEach(async () => {
  tiny = await tinyGuest();
  lab = await CliLab.create("");
});
afterEach(() => lab.dispose());

interface Options {
  readonly volumes: readonly string[];
  readonly a?: string;
  readonly b?: string;
  readonly run?: string;
}

function toml({ volumes, a = "", b, run = "true" }: Options): string {
  const settings = 'image = "tiny", memory = "128MiB", disk = "96MiB"';
  return `lab = { name = "vol" }
[images]
tiny = { path = "${tiny}", user = "lab" }
[volumes]
${volumes.join("\n")}
[vms]
a = { ${settings}, run = ["${run}"], volumes = [${a}] }
${b === undefined ? "" : `b = { ${settings}, volumes = [${b}] }`}
`;
}

const DATA = 'data = { size = "32MiB", lifecycle = { prevent_destroy = true } }';
const DATA_BIGGER = 'data = { size = "48MiB", lifecycle = { prevent_destroy = true } }';
const DATA_FREE = 'data = { size = "48MiB" }';
const LOGS = 'logs = { size = "16MiB" }';
const ON_SRV = '{ name = "data", mount = "/srv", mode = "0750" }';
const ON_LOGS = '{ name = "logs", mount = "/var/log/app" }';

/** Size in KiB and file system of what is mounted at a place. */
async function mounted(vm: string, place: string): Promise<{ size: number; type: string }> {
  const text = await lab.guest(vm, `df -kT ${place} | tail -n 1`);
  const [, type = "", size = ""] = text.split(/\s+/);
  return { size: Number(size), type };
}

test("data outlive a replaced VM, grow with it, move to another one, and go only when that is said", async () => {
  await lab.write(
    toml({ volumes: [DATA], a: ON_SRV, run: "cat /srv/kept 2>/dev/null || echo first > /srv/kept" }),
  );
  expect(await lab.changes()).toEqual([
    expect.stringMatching(/^\+ {2}image\.tiny {2}copy/),
    "+  volume.data  32 MiB, ext4  lab.toml:5",
    "+  vm.a  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:7  after 1, 2",
  ]);
  await lab.ok("apply", "--yes");
  expect(await lab.changes()).toEqual([]);
  // Mounted before its own steps ran.
  expect(await lab.guest("a", "cat /srv/kept; stat -c %a /srv; cat /etc/fstab")).toMatch(
    /^first\n750\n# vmlab: volumes\nUUID=[0-9a-f-]{36} \/srv ext4 nofail 0 2\n# vmlab: end of volumes$/,
  );

  // ---- a restart finds it mounted by the guest itself, a replacement by vmlab
  await lab.ok("restart", "a");
  expect(await lab.guest("a", "cat /srv/kept")).toBe("first");
  await lab.ok("apply", "--yes", "--replace", "vm.a");
  expect(await lab.guest("a", "cat /srv/kept; grep -c vmlab /etc/fstab")).toBe("first\n2");

  // ---- grown while a process writes to it, with a second disk plugged in the same apply
  const pid = await lab.pid("a");
  const before = await mounted("a", "/srv");
  await lab.guest(
    "a",
    "(while :; do date; sleep 1; done >/srv/log 2>/dev/null </dev/null & echo $! >/tmp/writer)",
  );
  await lab.write(
    toml({
      volumes: [DATA_BIGGER, LOGS],
      a: `${ON_SRV}, ${ON_LOGS}`,
      run: "cat /srv/kept 2>/dev/null || echo first > /srv/kept",
    }),
  );
  expect(await lab.changes()).toEqual([
    "~  volume.data  size 32 MiB → 48 MiB (grown in place)  lab.toml:5",
    "+  volume.logs  16 MiB, ext4  lab.toml:6",
    "~  vm.a  volumes +logs on /var/log/app (live)  lab.toml:8  after 1, 2",
  ]);
  await lab.ok("apply", "--yes");
  expect((await mounted("a", "/srv")).size).toBeGreaterThan(before.size + 10_000);
  expect((await mounted("a", "/var/log/app")).type).toBe("ext4");
  expect(await lab.changes()).toEqual([]);

  // ---- a volume in use stays where it is, and the reason is told
  await lab.write(toml({ volumes: [DATA_BIGGER, LOGS], a: ON_LOGS, b: ON_SRV, run: "true" }));
  const refused = await lab.run(["apply", "--yes"]);
  expect(refused.code).toBe(1);
  expect(refused.all).toMatch(/a does not let go of a volume: \/srv is in use by \d+ \(/);
  expect(await lab.guest("a", "tail -n 1 /srv/log | wc -l")).toBe("1");

  // ---- moved while both run
  await lab.guest("a", "kill $(cat /tmp/writer); sleep 1; sync");
  expect(await lab.changes()).toEqual([
    '~  vm.b  goes on after "created"  lab.toml:9  after 2',
    "~  vm.a  volumes −data on /srv, provisioning  lab.toml:8",
  ]);
  await lab.ok("apply", "--yes");
  expect(await lab.pid("a")).toBe(pid);
  expect(await lab.guest("b", "cat /srv/kept")).toBe("first");
  expect(await lab.guest("a", "cat /proc/mounts /etc/fstab")).not.toContain("/srv");
  expect(await lab.changes()).toEqual([]);

  // ---- two at once, and protection
  await lab.write(toml({ volumes: [DATA_BIGGER, LOGS], a: ON_SRV, b: ON_SRV }));
  expect(await lab.refused("plan")).toContain("vm.a and vm.b both have volume.data");
  await lab.write(toml({ volumes: [DATA_BIGGER, LOGS], a: ON_LOGS, b: ON_SRV }));
  expect(await lab.refused("destroy", "--yes")).toContain(
    "volume.data is protected: this plan would delete it",
  );
  await lab.write(toml({ volumes: [DATA_FREE, LOGS], a: ON_LOGS, b: ON_SRV }));
  await lab.ok("apply", "--yes");
  await lab.ok("destroy", "--yes");
  expect(await lab.list("volumes")).toEqual([]);
  expect(await lab.machines()).toEqual([]);
  const trash = await lab.ok("trash", "list");
  expect(trash).toMatch(/ volume\.data /);
  expect(trash).toMatch(/ volume\.logs /);
}, 1_200_000);

test("killed while a volume is made, vmlab leaves nothing of it behind", async () => {
  await lab.write(toml({ volumes: [DATA], a: ON_SRV }));
  const ran = await lab.run(["apply", "--yes"], {
    signals: [{ when: /volume\.data +making/, send: "SIGKILL" }],
  });
  expect(ran.signal).toBe("SIGKILL");
  await lab.write('lab = { name = "vol" }\n');
  await lab.ok("apply", "--yes");
  expect(await lab.list("volumes")).toEqual([]);
}, 300_000);

// With a kernel that has 9p, which makes a guest of its own.
longTest(
  "a folder of the host is shared where the guest's kernel can, and the reason is told where it cannot",
  async () => {
    const shares = '[{ from = "src", to = "/src" }, { from = "src", to = "/var/ro", readonly = true }]';
    const toml = (disk: string) => `lab = { name = "share" }
images.tiny = { path = "${disk}", user = "lab" }
vms.a = { image = "tiny", memory = "128MiB", disk = "96MiB", shares = ${shares} }
`;
    await lab.write(toml(await tinyGuest("linux-image-amd64")));
    await mkdir(join(lab.folder, "src"));
    await lab.write("from the host\n", "src/hello");
    await lab.ok("apply", "--yes");
    expect(
      await lab.guest(
        "a",
        "echo $(cat /src/hello) $(cat /var/ro/hello); echo from the guest >/src/answer; sync",
      ),
    ).toBe("from the host from the host");
    expect(await readFile(join(lab.folder, "src", "answer"), "utf8")).toBe("from the guest\n");
    expect((await lab.run(["exec", "a", "--", "touch /var/ro/x"])).code).not.toBe(0);
    await lab.ok("restart", "a");
    expect(await lab.guest("a", "echo $(cat /src/answer)")).toBe("from the guest");
    expect(await lab.changes()).toEqual([]);

    await lab.write(toml(tiny));
    const ran = await lab.run(["apply", "--yes"]);
    expect(ran.code).toBe(1);
    expect(ran.all).toMatch(/a cannot mount shared folders: the kernel \S+ has no 9p/);
    // The machine before, which the failed one gave way to.
    await lab.ok("wait", "a");
    expect(await lab.guest("a", "echo $(cat /src/answer)")).toBe("from the guest");
  },
  900_000,
);
