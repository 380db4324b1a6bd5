import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import {
  environmentOf,
  type ServiceUnit,
  serviceUnitText,
  unitOrigin,
} from "../../../engine/host/systemd-unit-text.ts";
import { installUserUnit, removeUserUnit, unitEnvironment } from "../../../engine/host/systemd-user-unit.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();
const run = promisify(execFile);

const UNIT: ServiceUnit = {
  name: "vmlab-watch.service",
  description: "vmlab: 100 % of the labs",
  kind: "service",
  program: ["/usr/bin/node", "/opt/my tools/vmlab.js", "watch", '$HOME "50%"'],
  environment: { VMLAB_HOME: "/srv/vm lab", PATH: "/usr/bin:/bin" },
};

/** Effects with a home of their own, and a systemctl that writes down how it is called. */
async function rig(systemctl: { readonly fails?: string } = {}) {
  const home = await temporary();
  const effects = nodeEffects();
  const calls: string[] = [];
  const processes = {
    ...effects.processes,
    run: async (program: string, args: readonly string[]) => {
      calls.push([program, ...args].join(" "));
      const failed = systemctl.fails !== undefined;
      return { code: failed ? 1 : 0, stdout: "", stderr: systemctl.fails ?? "", timedOut: false };
    },
  };
  const host = { ...effects.host, env: { HOME: home }, userName: () => "nobody-lingers" };
  const path = join(home, ".config", "systemd", "user", UNIT.name);
  return { effects: { ...effects, processes, host }, calls, path };
}

const problemOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.diagnostics[0],
  );

describe("a unit of the user's systemd", () => {
  test("says what it runs in systemd's own spelling", () => {
    const [, ...body] = serviceUnitText(UNIT).split("\n");
    expect(body.join("\n")).toBe(`[Unit]
Description=vmlab: 100 %% of the labs

[Service]
Type=exec
Restart=on-failure
RestartSec=30
Environment="VMLAB_HOME=/srv/vm lab"
Environment=PATH=/usr/bin:/bin
ExecStart=/usr/bin/node "/opt/my tools/vmlab.js" watch "$$HOME \\"50%%\\""

[Install]
WantedBy=default.target
`);
  });

  test("has its environment read again from its text, and what has to be through first in it", () => {
    const environment = { VMLAB_HOME: '/srv/100 % "mine"\\n', PATH: "/usr/bin:/bin", TAB: "a\tb\n" };
    const text = serviceUnitText({ ...UNIT, after: "vmlab-autostart.service", environment });
    expect(environmentOf(text)).toEqual(environment);
    expect(text).toContain("[Unit]\nDescription=vmlab: 100 %% of the labs\nAfter=vmlab-autostart.service\n");
  });

  test("is told from one that somebody edited, and from one of somebody else", () => {
    const text = serviceUnitText(UNIT);
    expect(unitOrigin(text)).toBe("own");
    expect(unitOrigin(text.replace("RestartSec=30", "RestartSec=5"))).toBe("edited");
    expect(unitOrigin("[Unit]\nDescription=mine\n")).toBe("foreign");
  });

  test.each(["service", "once"] as const)("of kind %s is a unit that systemd takes", async (kind) => {
    const folder = await temporary();
    const program = join(folder, "a program");
    await writeFile(program, "#!/bin/sh\n");
    await chmod(program, 0o755);
    const path = join(folder, UNIT.name);
    await writeFile(path, serviceUnitText({ ...UNIT, kind, program: [program, "--all-labs"] }));
    try {
      // Warnings about other units of the host name those, not this one.
      const { stderr } = await run("systemd-analyze", ["--user", "verify", "--man=no", path], {
        env: { ...process.env, XDG_RUNTIME_DIR: folder },
      });
      expect(stderr.split("\n").filter((line) => line.includes(UNIT.name))).toEqual([]);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    }
  });

  test("is written, enabled and started, and the second time left as it is", async () => {
    const { effects, calls, path } = await rig();
    expect(await installUserUnit(effects, UNIT)).toEqual({
      path,
      wrote: "new",
      systemd: { done: true },
      lingers: false,
    });
    expect(await readFile(path, "utf8")).toBe(serviceUnitText(UNIT));
    expect(await readlink(join(path, "..", "default.target.wants", UNIT.name))).toBe(path);
    expect(calls).toEqual(["systemctl --user daemon-reload", "systemctl --user restart vmlab-watch.service"]);
    expect((await installUserUnit(effects, UNIT)).wrote).toBe("unchanged");
    const changed = { ...UNIT, environment: {} };
    expect((await installUserUnit(effects, changed)).wrote).toBe("replaced");
    expect(await readFile(path, "utf8")).toBe(serviceUnitText(changed));
  });

  test("that runs once is not started now", async () => {
    const { effects, calls } = await rig();
    await installUserUnit(effects, { ...UNIT, kind: "once" });
    expect(calls).toEqual(["systemctl --user daemon-reload"]);
  });

  test("says what to run where systemd cannot be asked", async () => {
    const { effects } = await rig({ fails: "Failed to connect to bus: No medium found" });
    expect((await installUserUnit(effects, UNIT)).systemd).toEqual({
      done: false,
      why: "Failed to connect to bus: No medium found",
      commands: ["systemctl --user daemon-reload", "systemctl --user restart vmlab-watch.service"],
    });
  });

  test("that somebody edited is neither replaced nor removed", async () => {
    const { effects, calls, path } = await rig();
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, `${serviceUnitText(UNIT)}# mine\n`);
    const expected = {
      code: "host/unit-edited",
      severity: "error",
      summary: `${path} was edited since vmlab wrote it`,
      hint: "It is left as it is. Move it away, and run the command again.",
    };
    expect(await problemOf(installUserUnit(effects, UNIT))).toEqual(expected);
    expect(await problemOf(removeUserUnit(effects, UNIT.name))).toEqual(expected);
    expect(calls).toEqual([]);
  });

  test("is taken away without a trace", async () => {
    const { effects, calls, path } = await rig();
    await installUserUnit(effects, UNIT);
    calls.length = 0;
    expect(await removeUserUnit(effects, UNIT.name)).toEqual({
      path,
      removed: true,
      systemd: { done: true },
    });
    expect(await effects.files.list(join(path, ".."))).toEqual(["default.target.wants"]);
    expect(await effects.files.list(join(path, "..", "default.target.wants"))).toEqual([]);
    expect(calls).toEqual(["systemctl --user stop vmlab-watch.service", "systemctl --user daemon-reload"]);
    expect((await removeUserUnit(effects, UNIT.name)).removed).toBe(false);
  });

  test("keeps what of the environment decides about machines and programs", () => {
    expect(unitEnvironment({ PATH: "/bin", VMLAB_HOME: "/x", VMLAB_ACCEL: "", LANG: "C" })).toEqual({
      PATH: "/bin",
      VMLAB_HOME: "/x",
    });
  });
});
