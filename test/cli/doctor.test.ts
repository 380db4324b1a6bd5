import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CommandLog } from "../../cli/command-log.ts";
import type { Finding } from "../../cli/doctor/finding.ts";
import { examineLab } from "../../cli/doctor/lab.ts";
import { homeFrom } from "../../engine/home.ts";
import type { State } from "../../engine/state/types.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

let lab: CliLab;
beforeEach(async () => {
  // No machine of its own: the provider of an empty state is that of real machines.
  lab = await CliLab.create(LAB);
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

test("machines of this lab that the state does not know are named, with their folder", async () => {
  const addresses = (await lab.succeed("state", "list")).trim().split("\n");
  await lab.succeed("state", "rm", ...addresses, "--yes");
  const { lineage } = JSON.parse(await lab.read(".vmlab/state.json")) as State;
  const machine = async (id: string, of: string) => {
    const file = join(lab.home, "vms", id, "vm.json");
    await mkdir(dirname(file), { recursive: true });
    await writeFile(
      file,
      JSON.stringify({ version: 1, id, name: "web", lab: { name: "demo", lineage: of } }),
    );
  };
  await machine("0123456789ab", lineage);
  await machine("ba9876543210", "f".repeat(16));
  expect(await unknown()).toEqual([
    {
      check: "lab/unknown-vm",
      severity: "warning",
      summary: 'the state does not know the machine 0123456789ab ("web") of this lab, which is off',
      detail: `It lies in ${join(lab.home, "vms/0123456789ab")}.`,
      remedy:
        '"vmlab import vm.NAME 0123456789ab" takes it back in. "vmlab state history" lists older states; one that knew it comes back with "vmlab state restore".',
    },
  ]);
});

test("a lab of pretend machines has none of those", async () => {
  expect(await unknown()).toEqual([]);
});

async function unknown(): Promise<Finding[]> {
  const effects = lab.effects();
  const terminal = new TestTerminal({ cwd: lab.folder });
  const home = homeFrom(effects.host.env);
  const findings = await examineLab({
    effects,
    home,
    terminal,
    log: new CommandLog({ effects, home, tool: "0.0.0", argv: [] }),
    folder: lab.folder,
    tool: "0.0.0",
    guestCommand: undefined,
    exitCode: 0,
  });
  return findings.filter(({ check }) => check === "lab/unknown-vm");
}
