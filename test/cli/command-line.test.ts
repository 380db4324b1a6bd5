import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { COMMANDS } from "../../cli/command-table.ts";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

describe("the command line", () => {
  test("alone it lists every command", async () => {
    const { code, stdout } = await lab.vmlab([]);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(stdout).toContain(`  ${name.padEnd(19)}  ${summary}\n`);
  });

  test("--help lists each option that stands before a command's name", async () => {
    const { stdout } = await lab.vmlab(["--help"]);
    expect(stdout).toContain(`Options:
  -C, --chdir DIR      Folder of the lab (default: the current one)
  -v, --verbose        Tell the programs that are run
  --log-format FORMAT  Standard error as text or json
  -V, --version        Print the version
  -h, --help           Show this help
`);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each(COMMANDS.map(({ name }) => name))("%s --help explains itself, with examples", async (name) => {
    const { code, stdout, stderr } = await lab.vmlab([name, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: vmlab ${name}`);
    const text = stdout.includes("\nCommands:\n")
      ? (await lab.vmlab([name, "list", "--help"])).stdout
      : stdout;
    expect(text).toContain("\nExamples:\n  vmlab ");
  });

  test("a slip names the nearest command", async () => {
    expect(await lab.vmlab(["pln"])).toEqual({
      code: 1,
      stdout: "",
      stderr: 'Error: unknown command "pln" [cli/unknown-command]\n  Hint: Did you mean "vmlab plan"?\n',
      questions: [],
    });
  });

  test.each([
    [
      ["plan", "--taget", "vm.web"],
      'Error: unknown option "--taget" [cli/usage]\n  Hint: Did you mean --target? "vmlab plan --help" shows how it is used.\n',
    ],
    [
      ["plan", "--parallelism", "0"],
      'Error: option "--parallelism <n>" argument "0" is invalid. It takes a whole number from 1 [cli/usage]\n  Hint: "vmlab plan --help" shows how it is used.\n',
    ],
    [
      ["plan", "--destroy", "--refresh-only"],
      "Error: --destroy and --refresh-only contradict each other [cli/usage]\n  Hint: Leave one of them out.\n",
    ],
    [
      ["ssh"],
      'Error: missing required argument "vm" [cli/usage]\n  Hint: "vmlab ssh --help" shows how it is used.\n',
    ],
    [
      ["exec", "web"],
      'Error: no command is given [cli/usage]\n  Hint: Put it behind --: "vmlab exec web -- uptime".\n',
    ],
    [
      ["apply", "--json"],
      "Error: --json prints events and cannot ask [cli/needs-confirmation]\n  Hint: Add --yes.\n",
    ],
    [
      ["state", "show"],
      'Error: missing required argument "address" [cli/usage]\n  Hint: "vmlab state show --help" shows how it is used.\n',
    ],
    [
      ["images", "--bogus"],
      'Error: unknown option "--bogus" [cli/usage]\n  Hint: "vmlab images list --help" shows how it is used.\n',
    ],
    [
      ["trash", "lst"],
      'Error: unknown command "lst" [cli/usage]\n  Hint: Did you mean one of list, ls? "vmlab trash --help" shows how it is used.\n',
    ],
  ])("%j is refused with what to do", async (args, stderr) => {
    expect(await lab.vmlab(args)).toEqual({ code: 1, stdout: "", stderr, questions: [] });
  });

  test("outside of a lab it says where it looked and what to do", async () => {
    const { code, stderr } = await lab.vmlab(["-C", lab.root, "plan"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Error: there is no lab.toml in ${lab.root} [config/no-lab]\n  Hint: "vmlab init" writes a starter lab.toml here. "vmlab -C DIR ..." works on a lab elsewhere.\n`,
    );
  });

  test("-C works before and after the command", async () => {
    const before = await lab.vmlab(["-C", lab.folder, "validate"], { cwd: lab.root });
    const after = await lab.vmlab(["validate", "-C", "lab"], { cwd: lab.root });
    expect(before).toEqual({
      code: 0,
      stdout: "Valid. The lab demo declares 4 VMs, 1 image, 1 role.\n",
      stderr: "",
      questions: [],
    });
    expect(after).toEqual(before);
  });

  test("diagnostics of a lab elsewhere name the file as seen from here", async () => {
    await lab.write("lab.toml", LAB.replace("memory =", "memroy ="));
    const { stderr } = await lab.vmlab(["-C", "lab", "validate"], { cwd: lab.root });
    expect(stderr).toContain('  at lab/lab.toml:15:1\n  15 | memroy = "512MiB" # little\n     | ^^^^^^\n');
  });
});

describe("plan and apply", () => {
  test("--detailed-exitcode tells changes from none", async () => {
    expect((await lab.vmlab(["plan", "--detailed-exitcode"])).code).toBe(2);
    await lab.succeed("apply", "--yes");
    expect(await lab.vmlab(["plan", "--detailed-exitcode"])).toEqual({
      code: 0,
      stdout: "vmlab plan · demo · state #1\n\nNo changes. 6 resources are as declared.\n",
      stderr: "",
      questions: [],
    });
  });

  test("without a terminal apply shows the plan, changes nothing and names --yes", async () => {
    const { code, stderr } = await lab.vmlab(["apply"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Hint: Look at the plan above, then add --yes to go on without a question.");
    expect(await lab.succeed("list")).toBe('No VMs yet. "vmlab apply" makes those that lab.toml declares.\n');
  });

  test("on a terminal it asks, and takes no for an answer", async () => {
    const { code, questions, stderr } = await lab.vmlab(["apply"], { answers: ["n"] });
    expect({ code, questions, stderr }).toEqual({
      code: 1,
      questions: ["Apply these changes? [y/N] "],
      stderr: "Nothing was changed.\n",
    });
    expect((await lab.vmlab(["apply"], { answers: ["y"] })).code).toBe(0);
  });

  test("--json prints one event a line, each with its time", async () => {
    const lines = (await lab.succeed("apply", "--yes", "--json")).trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line) as { type: string; time: string });
    expect(events[0]?.type).toBe("run-started");
    expect(events.at(-1)).toMatchObject({ type: "run-finished", result: { created: 6, failed: 0 } });
    for (const { time } of events) expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test("a saved plan is shown and applied without a question", async () => {
    await lab.succeed("plan", "-o", "lab.plan");
    expect(await lab.succeed("show", "lab.plan")).toContain("Plan: 6 to create");
    expect(await lab.succeed("apply", "lab.plan")).toContain("Apply complete: 6 created in ");
    const { code, stderr } = await lab.vmlab(["apply", "lab.plan", "--target", "vm.web"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Error: --target cannot be used with a saved plan [cli/usage]");
  });

  test("stop, list and start tell what became of each VM", async () => {
    await lab.succeed("apply", "--yes");
    expect(await lab.succeed("stop", "web", "k8s-*")).toMatch(
      /NAME {10}RESULT +TIME\nk8s-worker-1 {2}stopped/,
    );
    expect(await lab.succeed("stop", "web")).toBe("web is already stopped.\n");
    const listed = JSON.parse(await lab.succeed("list", "web", "--json")) as unknown[];
    expect(listed).toMatchObject([
      { name: "web", state: "stopped", note: "stopped by a command", memory: 512 * 1024 ** 2 },
    ]);
    const { code, stderr } = await lab.vmlab(["exec", "web", "--", "true"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Error: vm.web is not running [vm/not-running]\n  Hint: "vmlab start web" starts it.\n',
    });
  });
});
