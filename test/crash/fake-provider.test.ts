/**
 * vmlab is killed (SIGKILL) after every single durable effect of an apply, a replacement, a move and a destroy. Whatever the
 * moment, the next apply finishes: nothing half made stays, nothing is made twice.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { bundleChild } from "../support/bundle-child.ts";
import { FakeLab } from "../support/fake-lab.ts";

const LAB = `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[secrets]
token = { kind = "password" }
[networks]
net = { cidr = "10.42.0.0/24" }
[volumes]
old = { size = "1GiB" }
data = { size = "1GiB" }
[vms.db]
networks = [{ name = "net" }]
volumes = [{ name = "old" }]
env = { TOKEN = "\${secrets.token}" }
run = ["one", "two"]
[vms.web]
depends_on = ["vm.db"]
`;
const CHANGED = LAB.replace("[vms.web]", '[vms.web]\nfirmware = "uefi"')
  .replace("[vms.db]", '[vms.db]\nmemory = "2GiB"')
  .replace("old = {", "other = {")
  .replace('name = "old"', 'name = "other"')
  .replace('data = { size = "1GiB"', 'data = { size = "2GiB"');

const MOVED = LAB.replace("[vms.web]", "[vms.front]")
  .replace("token = {", "key = {")
  .replace("secrets.token", "secrets.key")
  .concat(
    '[[moved]]\nfrom = "vm.web"\nto = "vm.front"\n[[moved]]\nfrom = "secret.token"\nto = "secret.key"\n',
  );

interface Scenario {
  /** The lab as it is applied before the crash; undefined: nothing was there. */
  readonly before: string | undefined;
  readonly toml: string;
  readonly mode: "normal" | "destroy";
  readonly machines: readonly string[];
  /** Effects at least: fewer would mean that the crash did not reach what it is about. Default: 15. */
  readonly effects?: number;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  apply: { before: undefined, toml: LAB, mode: "normal", machines: ["db", "web"] },
  replace: { before: LAB, toml: CHANGED, mode: "normal", machines: ["db", "web"] },
  move: { before: LAB, toml: MOVED, mode: "normal", machines: ["db", "front"], effects: 7 },
  destroy: { before: LAB, toml: LAB, mode: "destroy", machines: [] },
};

let folder: string;
let child: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmlab-test-"));
  child = await bundleChild("apply-lab", folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Resolves with the signal that ended the child, or null when it came to its end. */
function run(root: string, scenario: string, at: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [child, root, scenario, String(at)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    process_.stderr.on("data", (data: Buffer) => {
      errors += data.toString();
    });
    process_.on("error", reject);
    process_.on("close", (code, signal) => {
      if (signal === null && code !== 0)
        reject(new Error(`the child failed by itself at effect ${at}: ${errors}`));
      else resolve(signal);
    });
  });
}

describe.each(Object.entries(SCENARIOS))("killed during %s", (name, scenario) => {
  test("after any durable effect, the next run converges", async () => {
    const lab = await FakeLab.create(scenario.before ?? scenario.toml);
    const kept = join(folder, `${name}-before`);
    try {
      if (scenario.before !== undefined) await lab.apply();
      await lab.write("lab.toml", scenario.toml);
      await cp(lab.root, kept, { recursive: true, preserveTimestamps: true });
      let at = 1;
      for (; (await run(lab.root, name, at)) === "SIGKILL"; at++) {
        await converges(lab, scenario, at);
        await rm(lab.root, { recursive: true });
        await cp(kept, lab.root, { recursive: true, preserveTimestamps: true });
      }
      expect(at).toBeGreaterThan(scenario.effects ?? 15);
    } finally {
      await lab.remove();
    }
  }, 600_000);
});

async function converges(lab: FakeLab, scenario: Scenario, at: number): Promise<void> {
  const finished = new Set(
    (await everMade(lab)).filter((machine) => machine.state === "running").map((machine) => machine.id),
  );
  const { failures } = await lab.apply({ mode: scenario.mode });
  expect({ at, failures }).toEqual({ at, failures: [] });
  const machines = await lab.machines();
  expect({
    at,
    names: machines.map((machine) => machine.name).sort(),
    states: [...new Set(machines.map((machine) => machine.state))],
  }).toEqual({
    at,
    names: scenario.machines,
    states: scenario.machines.length === 0 ? [] : ["running"],
  });
  if (scenario.before === undefined) {
    // What ran before the crash is what runs now: it was found again, not made once more.
    for (const id of finished) expect(machines.map((machine) => machine.id)).toContain(id);
  }
  const disks = await readdir(join(lab.homeFolder, "fake", "volumes")).catch(() => []);
  if (scenario.mode === "destroy") {
    expect({ at, disks }).toEqual({ at, disks: [] });
    expect({
      at,
      left: (await readdir(join(lab.folder, ".vmlab"))).filter((entry) => entry !== "history"),
    }).toEqual({ at, left: [] });
    return;
  }
  const plan = await lab.plan();
  expect({ at, changes: plan.changes.map((change) => `${change.action} ${change.address}`) }).toEqual({
    at,
    changes: [],
  });
  const state = await lab.state();
  expect({ at, intents: state?.intents }).toEqual({ at, intents: {} });
  const volumes = Object.values(state?.resources ?? {}).flatMap(({ type, instance }) =>
    type === "volume" ? [instance] : [],
  );
  expect({ at, disks: disks.sort() }).toEqual({ at, disks: volumes.sort() });
  const recorded = Object.values(state?.resources ?? {}).flatMap((resource) =>
    resource.type === "vm" ? [resource.instance] : [],
  );
  expect({ at, ids: machines.map((machine) => machine.id).sort() }).toEqual({ at, ids: recorded.sort() });
  expect({
    at,
    files: (await readdir(join(lab.folder, ".vmlab"))).filter(
      (entry) => !["history", "journal.ndjson", "state.json"].includes(entry),
    ),
  }).toEqual({ at, files: [] });
}

async function everMade(lab: FakeLab) {
  return [...(await (await lab.world()).machines()).values()];
}
