/** `vmlab watch --install` and `vmlab init --autostart`: what both write, say and refuse. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

interface Host {
  readonly platform?: NodeJS.Platform;
  readonly vmlabHome?: string;
  /** What systemctl says when it fails. */
  readonly fails?: string;
}

async function vmlab(args: readonly string[], { platform = "linux", vmlabHome, fails }: Host = {}) {
  const own = lab.effects();
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: lab.root,
    VMLAB_HOME: vmlabHome ?? lab.home,
    XDG_CONFIG_HOME: undefined,
  };
  const run = async () => ({
    code: fails === undefined ? 0 : 1,
    stdout: "",
    stderr: fails ?? "",
    timedOut: false,
  });
  const effects = {
    ...own,
    processes: { ...own.processes, run },
    host: { ...own.host, env, platform, userName: () => "nobody-lingers" },
  };
  const terminal = new TestTerminal({ cwd: lab.folder });
  const code = await main(args, { effects, terminal, program: ["/usr/bin/node", "/opt/vmlab.js"] });
  const text = (given: string) => given.replaceAll(lab.root, "ROOT");
  return { code, stdout: text(terminal.stdout), stderr: text(terminal.stderr) };
}
const unit = (name: string) => readFile(join(lab.root, ".config", "systemd", "user", name), "utf8");

const WATCH = ["watch", "--install"];
const AUTOSTART = ["init", "--autostart"];

describe("a service of the user's systemd", () => {
  test("that watches begins after the one that starts VMs again", async () => {
    expect(await vmlab(WATCH)).toEqual({
      code: 0,
      stdout: `Wrote ROOT/.config/systemd/user/vmlab-watch.service.
It watches all labs of this host now, and whenever you log in. "journalctl --user -u vmlab-watch.service" shows what it says.
While you are not logged in it does not run: "loginctl enable-linger nobody-lingers" makes it start with the host.
`,
      stderr: "",
    });
    expect(await unit("vmlab-watch.service")).toContain("\nAfter=vmlab-autostart.service\n");
  });

  test("that starts VMs again says how labs get the values of their variables", async () => {
    const { code, stdout } = await vmlab(AUTOSTART, { fails: "no bus" });
    expect([code, stdout]).toEqual([
      0,
      `Wrote ROOT/.config/systemd/user/vmlab-autostart.service.
It runs "vmlab start --resume-all" for ROOT/home when the user's systemd starts, at login.
Variables of labs that have no default get their values there: "systemctl --user edit vmlab-autostart.service", and below [Service] Environment=VMLAB_VAR_name=VALUE.
The user's systemd was not told: no bus. Where it runs, do:
  systemctl --user daemon-reload
While you are not logged in it does not run: "loginctl enable-linger nobody-lingers" makes it start with the host.
`,
    ]);
    expect((await vmlab([...AUTOSTART, "--remove"])).stdout).toBe(
      "Removed ROOT/.config/systemd/user/vmlab-autostart.service.\n",
    );
  });

  test.each([[WATCH], [AUTOSTART]])("is refused where there is no systemd: %j", async (args) => {
    const { code, stderr } = await vmlab(args, { platform: "darwin" });
    expect([code, stderr]).toEqual([1, expect.stringContaining("[host/no-systemd]")]);
  });

  test.each([[WATCH], [AUTOSTART]])("is told to leave the labs of another VMLAB_HOME: %j", async (args) => {
    await vmlab(args);
    expect((await vmlab(args)).stderr).toBe("");
    expect(await vmlab(args, { vmlabHome: join(lab.root, "other") })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Replaced ROOT/),
      stderr: expect.stringMatching(
        /^Warning: the unit was for the labs of ROOT\/home until now, and is for those of ROOT\/other \[host\/unit-other-home\]/,
      ),
    });
  });
});
