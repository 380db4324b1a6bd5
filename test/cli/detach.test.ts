/** Runs in the background: they go on, fail, die and are cancelled while others look. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../engine/effects-node.ts";
import { type Bundle, bundleVmlab, OpsLab } from "./ops-lab.ts";

let bundle: Bundle;
let ops: OpsLab;
beforeAll(async () => {
  bundle = await bundleVmlab();
}, 60_000);
afterAll(() => bundle.remove());
beforeEach(async () => {
  ops = await OpsLab.create(bundle.program);
});
afterEach(() => ops.remove());

describe("vmlab apply --detach", () => {
  test("goes on in the background when the terminal closes, with the variables of the one who started it", async () => {
    const password = "correct-horse-battery";
    await ops.faults({ delays: { ready: 2500 } });
    await ops.lab.write("values.toml", `password = "${password}"\ntags = ["a b", "\\"c"]\n`);
    // A var file may be gone, such as a pipe, when the background gets to it.
    await ops.lab.write(
      "start.sh",
      `rm "${ops.lab.folder}/values.toml"; exec "${bundle.program.join('" "')}" "$@"\n`,
    );
    const begun = await ops.vmlab(["apply", "--yes", "--detach", "--var-file", "values.toml"], {
      program: ["sh", join(ops.lab.folder, "start.sh")],
    });
    expect(begun.stderr).toBe("");
    expect(begun.code).toBe(0);
    expect(ops.steady(begun.stdout)).toContain(`
op-ID runs in the background, also when this terminal closes.
  vmlab ops --watch              how far it is
  vmlab ops logs op-ID -f    what it does
  vmlab ops cancel op-ID     stop it
`);
    const { id } = await ops.only();
    const { pid } = await ops.once(id, ({ running }) => running.some(({ address }) => address === "vm.web"));
    const arguments_ = await readFile(`/proc/${pid}/cmdline`, "utf8");
    expect(arguments_).toContain(id);
    expect(arguments_).not.toContain(password);
    await nodeEffects().processes.signal(pid, "SIGHUP");
    const [followed, watched] = await Promise.all([
      ops.vmlab(["ops", "logs", id, "-f"]),
      ops.vmlab(["ops", "--watch"]),
    ]);
    expect(followed.stdout).toMatch(
      /vm\.db +provisioned {2}\d+ms\n\nop-\w+ \(apply\): finished after \ds\.\n$/,
    );
    const lines = watched.stdout
      .trim()
      .split("\n")
      .map((line) => ops.steady(line));
    expect(lines[0]).toMatch(/^op-ID {2}apply {2}demo {2}running {2}\d+\/10 {2}not known {2}vm\.(web|db): /);
    expect(lines.at(-1)).toBe("op-ID  apply  demo  finished  10/10  took N");
    expect(await ops.kept()).not.toContain(password);
    expect(await readdir(join(ops.lab.home, "operations", id))).toEqual([
      "events.ndjson",
      "operation.json",
      "output.log",
    ]);
    expect(await ops.lab.succeed("plan", "--var", `password=${password}`)).toContain("No changes");
    expect((await ops.vmlab(["list"])).stderr).toBe("");
  }, 60_000);

  test("tells what kept the background from beginning", async () => {
    const start = async (script: string) => {
      await ops.lab.write("start.sh", script);
      const { code, stderr } = await ops.vmlab(["apply", "--yes", "--detach"], {
        program: ["sh", join(ops.lab.folder, "start.sh")],
      });
      return { code, stderr: ops.steady(stderr) };
    };
    const child = `exec "${bundle.program.join('" "')}" "$@"\n`;
    const stale = await start(`echo '# more' >> "${ops.lab.folder}/lab.toml"; ${child}`);
    expect(stale.code).toBe(1);
    expect(stale.stderr).toContain("does not fit any more: lab.toml changed [plan/stale]");
    const dead = await start("echo no room left; exit 3\n");
    expect(dead.code).toBe(1);
    expect(dead.stderr).toContain(
      "the run in the background was not begun: its process ended at once [ops/not-begun]\n  no room left",
    );
    expect((await ops.listed()).map(({ state }) => state)).toEqual(["failed", "failed"]);
    expect((await ops.vmlab(["list"])).stderr).toBe("");
    expect(await readdir(ops.lab.folder)).not.toContain(".vmlab");
  }, 60_000);

  test("a failure is told by the following command, once, and to the lab's command", async () => {
    await ops.faults({
      delays: { create: 300 },
      failures: [{ step: "start", name: "db", message: "no power" }],
    });
    await ops.once(await ops.detached(), ({ state }) => state === "failed");
    const json = await ops.vmlab(["list", "--json"]);
    expect(json.stderr).toBe("");
    expect((await ops.vmlab(["list", "--help"])).stderr).toBe("");
    const next = await ops.vmlab(["list"]);
    expect(ops.steady(next.stderr).replace(/N ago|just now/, "AGO")).toBe(
      'Alert: apply of demo failed: no power (AGO). See "vmlab ops show op-ID".\n',
    );
    expect((await ops.vmlab(["list"])).stderr).toBe("");
    expect(await ops.lab.read("alerts.txt")).toBe("failed: apply of demo failed: no power\n");
  }, 60_000);

  test("a killed process has died, and the following command tells so", async () => {
    await ops.faults({ delays: { ready: 60_000 } });
    const id = await ops.detached();
    const { pid } = await ops.once(id, ({ running }) =>
      running.some(({ phase }) => phase === "waiting for the pretend guest"),
    );
    await nodeEffects().processes.signal(pid, "SIGKILL");
    await ops.once(id, ({ state }) => state === "died");
    const next = await ops.vmlab(["list"]);
    expect(next.stderr).toContain(
      `Alert: apply of demo died: its process (pid ${pid}) is gone without having finished`,
    );
    expect((await ops.vmlab(["list"])).stderr).toBe("");
    expect(await ops.only()).toMatchObject({ id, state: "died", alerts: [{ kind: "died" }] });
    await ops.faults({});
    await ops.lab.succeed("apply", "--yes");
    expect(await ops.lab.succeed("plan")).toContain("No changes");
  }, 60_000);

  test("is cancelled as by Ctrl-C: after what runs, or at once", async () => {
    await ops.faults({ delays: { create: 4000 } });
    const first = await ops.detached();
    await ops.once(first, ({ running }) => running.some(({ address }) => address === "vm.web"));
    const asked = await ops.vmlab(["ops", "cancel", first]);
    expect(ops.steady(asked.stdout)).toBe(
      'op-ID stops: what runs is finished or rolled back. "vmlab ops logs op-ID -f" shows it, --force stops it at once.\n',
    );
    expect(await ops.only()).toMatchObject({ state: "running", stopping: "gracefully" });
    expect((await ops.vmlab(["ops", "cancel", first])).stdout).toContain("is stopping already");
    const log = await ops.vmlab(["ops", "logs", first, "-f"]);
    expect(log.stdout).toMatch(/vm\.web +created/);
    expect(log.stdout).toContain(`${first} (apply): cancelled after`);
    expect(await ops.only()).toMatchObject({ state: "cancelled", alerts: [] });

    await ops.faults({ delays: { ready: 60_000 } });
    const begun = await ops.vmlab(["apply", "--yes", "--detach", "--json"]);
    const { operation: second } = JSON.parse(begun.stdout.trim().split("\n").at(-1) ?? "") as {
      operation: string;
    };
    await ops.once(second, ({ running }) => running.some(({ phase }) => phase?.includes("guest") === true));
    const forced = await ops.vmlab(["ops", "cancel", second, "--force"]);
    expect(forced.stdout).toContain(`${second} stops at once.`);
    await ops.vmlab(["ops", "logs", second, "-f"]);
    expect(await ops.once(second, ({ state }) => state === "interrupted")).toMatchObject({ alerts: [] });
    expect((await ops.vmlab(["list"])).stderr).toBe("");
  }, 60_000);
});
