/** What vmlab writes of itself: its log, --verbose, --log-format json. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(
    `${LAB}\n[vars]\npassword = { type = "string", sensitive = true, default = "" }\n`,
  );
});
afterEach(() => lab.remove());

type Line = Readonly<Record<string, unknown>>;
const parsed = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
const kept = async (): Promise<Line[]> => parsed(await lab.succeed("logs", "--self", "--json"));

/** With VMLAB_LOG set. */
async function withLevel(level: string, ...args: string[]) {
  const effects = lab.effects();
  const env = { ...effects.host.env, VMLAB_LOG: level };
  const terminal = new TestTerminal({ cwd: lab.folder });
  const code = await main(args, { effects: { ...effects, host: { ...effects.host, env } }, terminal });
  return { code, stderr: terminal.stderr };
}

describe("the log of commands", () => {
  test("has a line for each: what it was, how it ended, what it told", async () => {
    await lab.succeed("validate", "--var", "password=hunter2");
    await lab.vmlab(["start", "nobody"]);
    await lab.vmlab(["frobnicate"]);
    await lab.vmlab(["list", "--help"]);
    const lines = await kept();
    expect(lines.map(({ time, pid, durationMs, version, ...line }) => line)).toEqual([
      {
        type: "command",
        folder: lab.folder,
        argv: ["validate", "--var", "password=…"],
        exitCode: 0,
        diagnostics: [],
      },
      {
        type: "command",
        folder: lab.folder,
        argv: ["start", "nobody"],
        exitCode: 1,
        diagnostics: [
          expect.objectContaining({
            code: "select/unknown-vm",
            severity: "error",
            summary: expect.any(String),
          }),
        ],
      },
    ]);
    expect(lines[0]).toMatchObject({ pid: process.pid, durationMs: expect.any(Number) });
    const shown = await lab.succeed("logs", "--self", "-n", "2");
    expect(
      shown
        .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")
        .replaceAll(/\d+m?s\b/g, "N")
        .replaceAll(lab.root, "ROOT"),
    ).toMatch(
      /^TIME {2}vmlab start nobody {2}exit 1 after N {2}in ROOT\/lab\n {21}.* \[select\/unknown-vm\]\nTIME {2}vmlab logs --self --json {2}ok after N {2}in ROOT\/lab\n$/,
    );
  });

  test.each([
    [["plan", "-var", "who=hunter6"], ["plan"], "cli/usage"],
    [["-C", ".", "plan", "--lock-timeout=hunter6"], ["-C", "plan"], "cli/usage"],
    [["apply", "--lock-timeout=hunter6"], ["apply", "--lock-timeout=…"], "cli/usage"],
    [["plan", "--var", "password", "hunter3"], ["plan", "--var"], "cli/usage"],
    [["apply", "--var", "password", "hunter3"], ["apply", "--var"], "config/bad-assignment"],
    [["validate", "--var", "hunter2"], ["validate", "--var"], "config/bad-assignment"],
    [["ls", "hunter2", "--bogus"], ["ls"], "cli/usage"],
    [["exec", "web", "echo", "hunter4"], ["exec"], "cli/usage"],
    [["exec", "web", "--root", "mysql", "-phunter4"], ["exec", "--root"], "cli/usage"],
    [["exec", "web", "echo", "hunter4", "--", "true"], ["exec"], "select/unknown-vm"],
    [["ssh", "web", "echo", "hunter4"], ["ssh"], "cli/usage"],
  ])("keeps of %j only the names, not the words that were not understood", async (args, argv, code) => {
    await lab.vmlab(["apply", "--yes"]);
    expect((await lab.vmlab(args)).code).toBe(1);
    const line = (await kept()).at(-1);
    expect(line).toMatchObject({
      argv,
      diagnostics: expect.arrayContaining([{ code, severity: "error" }]),
    });
    expect(JSON.stringify(line)).not.toContain("hunter");
    expect(await lab.succeed("logs", "--self")).not.toContain("hunter");
  });

  test("keeps no words when it cannot tell how long to be", async () => {
    await withLevel("loud", "exec", "web", "echo", "hunter4");
    expect((await kept()).at(-1)).toMatchObject({
      argv: ["exec"],
      diagnostics: [{ code: "host/bad-environment-variable", summary: 'VMLAB_LOG cannot be "loud"' }],
    });
  });

  test("is written for --version and help neither", async () => {
    await lab.vmlab(["--version"]);
    await lab.vmlab([]);
    await lab.vmlab(["plan", "--help"]);
    expect(await stat(join(lab.home, "log")).catch(() => "nothing")).toBe("nothing");
  });

  test("is as long as VMLAB_LOG wants it", async () => {
    expect((await withLevel("off", "validate")).code).toBe(0);
    expect(await stat(join(lab.home, "log")).catch(() => "nothing")).toBe("nothing");
    expect((await withLevel("debug", "apply", "--yes")).code).toBe(0);
    const events = (await kept()).flatMap(({ type, event }) => (type === "event" ? [event as Line] : []));
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["run-started", "operation-started", "operation-finished", "run-finished"]),
    );
    expect(await withLevel("loud", "validate")).toEqual({
      code: 1,
      stderr:
        'Error: VMLAB_LOG cannot be "loud" [host/bad-environment-variable]\n  Hint: off writes no log, info a line for each command (the default), debug also what it did.\n',
    });
  });

  test("is asked for by --self alone", async () => {
    const problem = async (...args: string[]) => (await lab.vmlab(["logs", ...args])).stderr.split("\n")[0];
    expect(await problem()).toBe("Error: logs needs the name of a VM, or --self [cli/usage]");
    expect(await problem("web", "--self")).toBe(
      "Error: --self goes with neither a VM nor --provision [cli/usage]",
    );
    expect(await problem("web", "--json")).toBe("Error: --json goes with --self [cli/usage]");
  });
});

describe("--verbose", () => {
  test("tells the programs that are run, on standard error and in the log", async () => {
    const { stderr } = await lab.vmlab(["-v", "doctor"]);
    expect(stderr).toMatch(/^\+ \S*qemu-\S+ .*\(exit \d+, \d+m?s\)$/m);
    const programs = (await kept()).filter(({ type }) => type === "program");
    expect(programs.length).toBeGreaterThan(0);
    expect(programs[0]).toMatchObject({ argv: expect.any(Array), outcome: expect.any(String) });
  });
});

describe("--log-format json", () => {
  test("makes standard error one JSON object a line: diagnostics, events and notes", async () => {
    const wrong = await lab.vmlab(["start", "nobody", "--log-format", "json"]);
    expect(parsed(wrong.stderr)).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        level: "error",
        type: "diagnostic",
        code: "select/unknown-vm",
        summary: expect.any(String),
        detail: null,
        hint: expect.any(String),
        address: null,
        range: null,
      },
    ]);
    const { code, stdout, stderr } = await lab.vmlab(["apply", "--yes", "--log-format=json"]);
    expect(code).toBe(0);
    const lines = parsed(stderr);
    expect(
      lines.every(({ time, level, type }) => [time, level, type].every((one) => typeof one === "string")),
    ).toBe(true);
    expect(lines.filter(({ type }) => type === "operation-finished")).toContainEqual(
      expect.objectContaining({ level: "info", operation: expect.objectContaining({ address: "vm.web" }) }),
    );
    // Results stay where they are.
    expect(stdout).toContain("vm.web");
    expect(stdout).not.toContain("operation-finished");
  });

  test("also when the rest of the command line is wrong, and before the command's name", async () => {
    const { stderr } = await lab.vmlab(["--log-format", "json", "list", "--bogus"]);
    expect(parsed(stderr)).toMatchObject([{ type: "diagnostic", code: "cli/usage" }]);
    expect((await lab.vmlab(["list", "--log-format", "xml"])).stderr).toContain("[cli/usage]");
  });

  test("asks nobody", async () => {
    const { code, stderr, questions } = await lab.vmlab(["apply", "--log-format", "json"], {
      answers: ["y"],
    });
    expect([code, questions]).toEqual([1, []]);
    expect(parsed(stderr)).toMatchObject([{ code: "cli/needs-confirmation" }]);
  });
});
