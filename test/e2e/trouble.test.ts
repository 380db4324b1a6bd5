/** What goes wrong on the way to a running lab, and how the next command goes on from there. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest, unbootableGuest } from "../support/guests/tiny.ts";

const run = promisify(execFile);

let lab: CliLab;
afterEach(() => lab.dispose());

async function labOf(vm: string, head = ""): Promise<string> {
  return `lab = { name = "trouble", image = "tiny" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
${head}
[vms.web]
memory = "128MiB"
disk = "96MiB"
${vm}
`;
}

/** A lab whose VM is made and left off: nothing boots. */
const off = (more = "") => labOf(`power = "stopped"\n${more}`);

const dead = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

describe("a guest that does not get ready", () => {
  test("is kept with the evidence, and the next apply goes on with the same machine", async () => {
    lab = await CliLab.create(await labOf('timeouts = { boot = "1s" }'));
    const failed = await lab.run(["apply", "--yes"]);
    expect(failed.code).toBe(1);
    expect(failed.all).toMatch(/web did not get ready: waiting for the SSH banner took longer than [3-9] s/);
    expect(failed.all).toMatch(/No SSH server answered\./);
    expect(failed.all).toMatch(/The serial console (ends with:|is empty)/);
    expect(failed.all).toContain(
      "See how far it boots: vmlab logs web. A slow host may need a longer timeouts.boot.",
    );
    expect(failed.all).toContain('Run "vmlab apply" again: it goes on where this one stopped.');
    const pid = await lab.pid("web");
    expect(await lab.machines()).toEqual([pid]);

    await lab.write(await labOf('timeouts = { boot = "5m" }'));
    expect(await lab.changes()).toEqual([expect.stringContaining('goes on after "started"')]);
    await lab.ok("apply", "--yes");
    expect(await lab.pid("web")).toBe(pid);
    expect(await lab.guest("web", "hostname")).toBe("web");
    expect(await lab.changes()).toEqual([]);
  }, 300_000);

  test("is removed with --cleanup", async () => {
    lab = await CliLab.create("");
    const broken = await unbootableGuest(lab.root);
    await lab.write((await labOf('timeouts = { boot = "1s" }')).replace(await tinyGuest(), broken));
    const failed = await lab.run(["apply", "--yes", "--cleanup"]);
    expect(failed.code).toBe(1);
    expect(failed.all).toContain("The serial console is empty");
    expect(failed.all).toMatch(/vm\.web +removed, as --cleanup asks/);
    expect(await lab.machines()).toEqual([]);
    expect(await lab.vmFolders()).toEqual([]);
    expect(await lab.list("trash")).toEqual([]);
    expect(await lab.changes()).toEqual([expect.stringMatching(/^\+ {2}vm\.web/)]);
  }, 300_000);
});

describe("two applies at once", () => {
  test("the second names the holder of the lock, or waits for it", async () => {
    lab = await CliLab.create(await labOf(""));
    let announce: () => void = () => undefined;
    const booting = new Promise<void>((resolve) => {
      announce = resolve;
    });
    const first = lab.run(["apply", "--yes"], {
      watch: (printed) => {
        if (printed.includes("waiting for the SSH banner")) announce();
      },
    });
    await Promise.race([booting, first]);
    const refused = await lab.refused("apply", "--yes");
    expect(refused).toMatch(/The state of this lab is locked by `vmlab apply` \(pid \d+, user \S+ on \S+\)/);
    expect(refused).toContain("--lock-timeout 5m");
    const waited = await lab.run(["apply", "--yes", "--lock-timeout", "4m"]);
    expect({ code: waited.code, all: waited.all }).toEqual({
      code: 0,
      all: expect.stringMatching(/Waiting for the lock: `vmlab apply` \(pid \d+/),
    });
    expect((await first).code).toBe(0);
    expect(await lab.machines()).toEqual([await lab.pid("web")]);
    expect(await lab.changes()).toEqual([]);
  }, 300_000);
});

describe("a saved plan", () => {
  test("is refused when what it was made from changed, with the reason", async () => {
    const toml = await off('scripts = ["scripts/a.sh"]');
    lab = await CliLab.create(toml);
    await mkdir(join(lab.folder, "scripts"));
    await lab.write("#!/bin/sh\necho a\n", "scripts/a.sh");
    const file = join(lab.folder, "lab.plan");
    expect(await lab.ok("plan", "-o", file)).toContain(`Saved. To do exactly this: vmlab apply ${file}`);

    await lab.write(`${toml}# another line\n`);
    expect(await lab.refused("apply", file)).toContain(`${file} does not fit any more: lab.toml changed`);
    await lab.write(toml);
    await lab.write("#!/bin/sh\necho b\n", "scripts/a.sh");
    expect(await lab.refused("apply", file)).toContain(`${file} does not fit any more: scripts/a.sh changed`);
    await rm(join(lab.folder, "scripts/a.sh"));
    expect(await lab.refused("apply", file)).toContain("scripts/a.sh is gone");
    await lab.write("#!/bin/sh\necho a\n", "scripts/a.sh");

    const saved = await readFile(file, "utf8");
    await writeFile(file, saved.replace('"memory":134217728', '"memory":268435456'));
    expect(await lab.refused("apply", file)).toContain(`${file} was changed after vmlab wrote it`);
    await writeFile(file, saved.slice(0, -40));
    expect(await lab.refused("apply", file)).toContain(`${file} is not a plan of vmlab`);
    expect(await lab.list("vms")).toEqual([]);

    await writeFile(file, saved);
    await lab.ok("apply", file);
    expect(await lab.vmFolders()).toHaveLength(1);
    expect(await lab.refused("apply", file)).toContain(
      `${file} does not fit any more: the state is now #1, the plan was made from #0`,
    );
    await lab.write(toml.replace("96MiB", "128MiB"));
    await lab.ok("plan", "-o", file);
    await lab.ok("apply", "--yes");
    expect(await lab.refused("apply", file)).toMatch(/the state is now #\d+, the plan was made from #\d+/);
    expect(await lab.changes()).toEqual([]);
  }, 300_000);
});

describe("Ctrl-C while a guest boots", () => {
  test("twice ends at once, once after what runs, and the next apply goes on", async () => {
    lab = await CliLab.create(await labOf('run = ["echo done >> /var/lib/steps"]'));
    const hard = await lab.run(["apply", "--yes"], {
      signals: [
        { when: /waiting for the SSH banner/, send: "SIGINT" },
        { when: /Ctrl-C again stops at once/, send: "SIGINT" },
      ],
    });
    expect(hard.all).toContain("Stopping: what runs is finished or rolled back. Ctrl-C again stops at once.");
    expect(hard.all).toContain("Stopping at once. The next command finishes or undoes what was under way.");
    expect(hard.all).toContain("Apply interrupted:");
    expect(hard.all).toContain('Run "vmlab apply" again: it goes on where this one stopped.');
    expect(hard.all).not.toContain("internal/bug");
    expect({ code: hard.code, signal: hard.signal }).toEqual({ code: 1, signal: null });
    expect(hard.all).not.toMatch(/vm\.web +ready /);
    const [pid = 0] = await lab.machines();
    expect(dead(pid)).toBe(false);

    const graceful = await lab.run(["apply", "--yes"], {
      signals: [{ when: /waiting for the SSH banner/, send: "SIGINT" }],
    });
    expect({ code: graceful.code, signal: graceful.signal }).toEqual({ code: 1, signal: null });
    expect(graceful.all).toMatch(/vm\.web +ready /);
    expect(graceful.all).not.toMatch(/vm\.web +provisioned /);
    expect(graceful.all).toContain("Apply interrupted:");

    expect(await lab.changes()).toEqual([expect.stringContaining('goes on after "ready"')]);
    await lab.ok("apply", "--yes");
    expect(await lab.machines()).toEqual([pid]);
    expect(await lab.guest("web", "cat /var/lib/steps")).toBe("done");
    expect(await lab.changes()).toEqual([]);
  }, 300_000);
});

describe("a provisioning step that fails", () => {
  test("shows the end of its output, and once mended is where the next apply goes on", async () => {
    lab = await CliLab.create(
      await labOf('scripts = ["one.sh", "two.sh"]\nrun = ["echo run >> /var/lib/steps"]'),
    );
    await lab.write("#!/bin/sh\necho one >> /var/lib/steps\n", "one.sh");
    await lab.write("#!/bin/sh\necho almost there\necho no such thing >&2\nexit 3\n", "two.sh");
    const failed = await lab.run(["apply", "--yes"]);
    expect(failed.code).toBe(1);
    expect(failed.all).toContain("script two.sh failed in web: exit code 3");
    expect(failed.all).toMatch(/Its output ends with:\n +almost there\n +no such thing/);
    const [pid, instance] = [await lab.pid("web"), await lab.instance("web")];

    await lab.write("#!/bin/sh\necho two >> /var/lib/steps\n", "two.sh");
    expect(await lab.changes()).toEqual([expect.stringMatching(/^~ {2}vm\.web {2}.*goes on after "ready"/)]);
    await lab.ok("apply", "--yes");
    expect(await lab.guest("web", "cat /var/lib/steps")).toBe("one\ntwo\nrun");
    expect([await lab.pid("web"), await lab.instance("web")]).toEqual([pid, instance]);
    expect(await lab.changes()).toEqual([]);

    // A step changed later runs again with those after it.
    await lab.write("#!/bin/sh\necho two again >> /var/lib/steps\n", "two.sh");
    expect(await lab.changes()).toEqual(["~  vm.web  provisioning  ← two.sh changed (+1 −1)  lab.toml:5"]);
    await lab.ok("apply", "--yes");
    expect(await lab.guest("web", "cat /var/lib/steps")).toBe("one\ntwo\nrun\ntwo again\nrun");
    expect(await lab.pid("web")).toBe(pid);
  }, 300_000);
});

describe("a state file that was cut in half", () => {
  test("is refused with the way back, which works", async () => {
    lab = await CliLab.create(await off());
    await lab.ok("apply", "--yes");
    const instance = await lab.instance("web");
    await lab.write(await off('labels = { a = "b" }'));
    await lab.ok("apply", "--yes");
    const file = join(lab.folder, ".vmlab", "state.json");
    await truncate(file, Math.floor((await readFile(file)).length / 2));
    for (const command of [["plan"], ["apply", "--yes"], ["list"], ["destroy", "--yes"]]) {
      const refused = await lab.refused(...command);
      expect(refused).toContain("The state in .vmlab/state.json cannot be read");
      expect(refused).toContain("The file is cut off or is not JSON. Nothing was changed.");
      expect(refused).toContain("`vmlab state restore SERIAL` goes back to one of them");
    }
    const history = await lab.json<{ serial: number }[]>("state", "history", "--json");
    const newest = Math.max(...history.map(({ serial }) => serial));
    expect(await lab.ok("state", "restore", String(newest), "--yes")).toContain(
      `State #${newest} is the present one again`,
    );
    expect(await lab.instance("web")).toBe(instance);
    await lab.ok("apply", "--yes");
    expect(await lab.vmFolders()).toEqual([instance]);
    expect(await lab.changes()).toEqual([]);
    await lab.ok("destroy", "--yes");
    expect(await lab.vmFolders()).toEqual([]);
  }, 300_000);
});

describe("a lab folder that cannot be written to", () => {
  test("is named before anything is made, and planning works in it", async () => {
    lab = await CliLab.create(await off());
    const sealed = await seal(lab.folder);
    if (sealed === undefined) {
      // Without the right to mount or to set attributes root cannot be kept from writing.
      expect(process.getuid?.()).toBe(0);
      return;
    }
    try {
      expect(await lab.ok("plan")).toContain("2 to create");
      const refused = await lab.refused("apply", "--yes");
      expect(refused).toMatch(/read-only|no permission|not permitted|cannot be written/);
      expect(refused).toContain(lab.folder);
      expect(await lab.vmFolders()).toEqual([]);
    } finally {
      await sealed();
    }
    await lab.ok("apply", "--yes");
    expect(await lab.vmFolders()).toHaveLength(1);
  }, 300_000);
});

/** Makes a folder read-only even for root; undefined where that is not possible. Resolves with what takes it back. */
async function seal(folder: string): Promise<(() => Promise<unknown>) | undefined> {
  if (process.getuid?.() !== 0) {
    await run("chmod", ["a-w", folder]);
    return () => run("chmod", ["u+w", folder]);
  }
  try {
    await run("chattr", ["+i", folder]);
    return () => run("chattr", ["-i", folder]);
  } catch {
    return undefined;
  }
}
