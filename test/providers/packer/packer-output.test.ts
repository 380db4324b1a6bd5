import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { BuildReport, keepFailureLog } from "../../../providers/packer/build-report.ts";
import { packerEvents, parseMachineLine } from "../../../providers/packer/machine-readable.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();

describe("a line of Packer's machine-readable output", () => {
  test("has a target, a type and data with commas and line ends restored", () => {
    expect(parseMachineLine("1795394480,qemu.vmlab,artifact,0,string,a%!(PACKER_COMMA) b\\nc")).toEqual({
      target: "qemu.vmlab",
      type: "artifact",
      data: ["0", "string", "a, b\nc"],
    });
    expect(parseMachineLine("panic: runtime error, again")).toBeUndefined();
  });

  test("tells what is going on", () => {
    const lines = [
      "1,,ui,say,==> qemu.vmlab: Found port for communicator (SSH%!(PACKER_COMMA) WinRM%!(PACKER_COMMA) etc): 3700.",
      "1,,ui,say,==> qemu.vmlab: Connected to SSH!",
      "1,,ui,say,==> qemu.vmlab: Provisioning with shell script: steps/01-packages.sh",
      "1,,ui,message,    qemu.vmlab: Setting up tree (2.1.0-1) ...",
      "1,,ui,error,==> qemu.vmlab: debconf: delaying\\n==> qemu.vmlab: more%!(PACKER_COMMA) later",
      "1,,ui,say,==> qemu.vmlab: Gracefully halting virtual machine...",
      "1,qemu.vmlab,error,Script exited with non-zero exit status: 3. Allowed exit codes are: [0]",
      '1,,ui,error,==> qemu.vmlab: Step "StepProvision" failed%!(PACKER_COMMA) aborting...',
      '1,,ui,error,==> qemu.vmlab: aborted: skipping cleanup of step "stepRun"',
      "1,,ui,error,Build 'qemu.vmlab' errored after 7 minutes",
      "1,,ui,error,--> qemu.vmlab: Script exited",
      "1,,ui,error,==> qemu.vmlab: Script exited with non-zero exit status: 3.Allowed exit codes are: [0]",
      "1,,ui,say,\\n==> Wait completed after 7 minutes",
      "1,qemu.vmlab,artifact-count,1",
      "goroutine 1 [running]:",
    ];
    expect(lines.flatMap(packerEvents)).toEqual([
      { kind: "port", port: 3700 },
      { kind: "connected" },
      { kind: "script", path: "steps/01-packages.sh" },
      { kind: "output", text: "Setting up tree (2.1.0-1) ..." },
      { kind: "output", text: "debconf: delaying" },
      { kind: "output", text: "more, later" },
      { kind: "halting" },
      { kind: "error", text: "Script exited with non-zero exit status: 3. Allowed exit codes are: [0]" },
      { kind: "said", text: 'Step "StepProvision" failed, aborting...' },
      { kind: "said", text: 'aborted: skipping cleanup of step "stepRun"' },
      { kind: "said", text: "Build 'qemu.vmlab' errored after 7 minutes" },
      { kind: "said", text: "Script exited" },
      { kind: "said", text: "Script exited with non-zero exit status: 3.Allowed exit codes are: [0]" },
      { kind: "said", text: "==> Wait completed after 7 minutes" },
      { kind: "said", text: "goroutine 1 [running]:" },
    ]);
  });

  test("is not believed when the guest prints what Packer would say", () => {
    expect(
      packerEvents("1,,ui,message,    qemu.vmlab: Provisioning with shell script: steps/06-seal.sh"),
    ).toEqual([{ kind: "output", text: "Provisioning with shell script: steps/06-seal.sh" }]);
  });

  test("about a screen that nobody can see is left out", () => {
    expect(
      packerEvents(
        "1,,ui,message,    qemu.vmlab: The VM will be run headless%!(PACKER_COMMA) without\\n  vnc://127.0.0.1:6",
      ),
    ).toEqual([]);
  });
});

describe("the report of a build", () => {
  test("counts its stages, and knows the end of the present one", () => {
    const told: unknown[] = [];
    const report = new BuildReport(
      { progress: (...args) => told.push(args), output: (line) => told.push(line) },
      ["booting", "packages git", "sealing"],
    );
    report.begin(0);
    report.output("Starting VM");
    report.begin(1);
    report.output("Reading package lists...");
    report.detail("still reading");
    expect(report.stage).toBe("step 2 of 3: packages git");
    expect(report.tail).toEqual(["Reading package lists..."]);
    expect(told).toEqual([
      ["step 1 of 3: booting", { unit: "steps", done: 0, total: 3 }],
      "Starting VM",
      ["step 2 of 3: packages git", { unit: "steps", done: 1, total: 3 }],
      "Reading package lists...",
      ["step 2 of 3: packages git: still reading", { unit: "steps", done: 1, total: 3 }],
    ]);
    expect(report.text).toBe(
      "==> step 1 of 3: booting\nStarting VM\n==> step 2 of 3: packages git\nReading package lists...\n",
    );
  });

  test("is kept for failures, the last twenty of them", async () => {
    const home = homeFrom({ VMLAB_HOME: await temporary() });
    const effects = nodeEffects();
    let now = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    const clock = { ...effects.clock, now: () => (now += 1000) };
    const paths: string[] = [];
    for (let i = 0; i < 25; i++)
      paths.push(await keepFailureLog({ ...effects, clock }, home, i % 2 ? "role.a" : "image.b", `${i}\n`));
    expect(paths[0]).toBe(join(home.root, "logs", "builds", "image.b-2026-01-02T030406-006Z.log"));
    const kept = await readdir(join(home.root, "logs", "builds"));
    expect(kept.map((name) => join(home.root, "logs", "builds", name)).sort()).toEqual(paths.slice(5).sort());
    expect(await readFile(paths[24] ?? "", "utf8")).toBe("24\n");
  });
});
