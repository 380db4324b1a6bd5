import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import { type Diagnostic, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { homeFrom } from "../../../engine/home.ts";
import type { PowerVerb } from "../../../engine/operate/decide-power.ts";
import { planPower } from "../../../engine/operate/power.ts";
import { restoreSnapshots } from "../../../engine/operate/snapshots/restore-snapshots.ts";
import { takeSnapshots } from "../../../engine/operate/snapshots/take-snapshots.ts";
import { makePlan } from "../../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../../engine/plan/options.ts";
import type { Workspace } from "../../../engine/workspace.ts";
import { fakeProviders } from "../../../providers/fake/index.ts";
import type { FakeLab } from "../../support/fake-lab.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const settings = {
  command: "start",
  parallelism: 10,
  lockTimeoutMs: 0,
  graceful: new AbortController().signal,
  hard: new AbortController().signal,
  sensitiveVariables: {},
};
const toml = (name: string) => `${FAKE_HEAD.replace("demo", name)}[templates]
off = { memory = "1GiB", cpus = 2, power = "stopped" }
[vms.a]
template = "off"
[vms.b]
template = "off"
`;

const GiB = 2 ** 30;

/** Labs of one host, whose pretend machines count against its limits. */
async function labsOfOneHost(
  limits: string,
  disk = async () => ({ total: 500 * GiB, free: 300 * GiB }),
): Promise<readonly Workspace[]> {
  const labs: FakeLab[] = [await create(toml("one")), await create(toml("two"))];
  const home = homeFrom({ VMLAB_HOME: labs[0]?.homeFolder ?? "" });
  const workspaces = await Promise.all(
    labs.map(async (lab) => {
      const effects = labs[0]?.effects() ?? lab.effects();
      const workspace = await lab.workspace({ ...effects, host: { ...effects.host, disk } });
      const providers = fakeProviders({ effects: workspace.effects, home });
      return { ...workspace, home, providers: { ...providers, vm: { ...providers.vm, usesHost: true } } };
    }),
  );
  await workspaces[0]?.effects.files.makeDir(home.root);
  await writeFile(join(home.root, "config.toml"), `[limits]\n${limits}\n`);
  for (const workspace of workspaces) {
    const { plan } = await makePlan(workspace, DEFAULT_PLAN_OPTIONS);
    if (plan !== undefined) await applyPlan(workspace, plan, settings);
  }
  return workspaces;
}

/** Undefined when it was done, else the first problem. */
async function power(
  workspace: Workspace,
  verb: PowerVerb,
  ...vms: string[]
): Promise<Diagnostic | undefined> {
  const { plan } = await planPower(workspace, verb, vms, { force: false });
  if (plan === undefined) throw new Error("no plan");
  try {
    const { failures } = await applyPlan(workspace, plan, settings);
    return failures[0]?.diagnostics[0];
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    return error.diagnostics[0];
  }
}

test.each([
  ["memory", 'memory = "3GiB"', "The running VMs need 2 GiB of memory, and 1 GiB are free", "2 GiB"],
  ["cpus", "cpus = 6", "The running VMs need 4 vCPUs, and 2 are free", "4 vCPUs"],
  ["vms", "vms = 3", "2 VMs would run, and 1 may", "2 VMs"],
])(
  "two labs that start their VMs at the same moment stay within the host's %s",
  async (_, limits, summary, used) => {
    const workspaces = await labsOfOneHost(limits);
    const [one, two] = workspaces;
    if (one === undefined || two === undefined) throw new Error("two labs");
    const ends = await Promise.all(workspaces.map((workspace) => power(workspace, "start", "a", "b")));
    const refused = ends.find((end) => end !== undefined);
    expect(ends.filter((end) => end === undefined)).toHaveLength(1);
    expect(refused).toMatchObject({ summary, detail: expect.stringContaining(used) });
    const [winner, loser] = ends[0] === undefined ? [one, two] : [two, one];
    // Nothing of it was begun, and what fits is started.
    expect(await power(loser, "start", "a")).toBeUndefined();
    expect(await power(loser, "start", "b")).toBeDefined();
    // What stands still is there; what is suspended is not.
    expect(await power(winner, "pause", "a")).toBeUndefined();
    expect(await power(loser, "start", "b")).toBeDefined();
    expect(await power(winner, "suspend", "a")).toBeUndefined();
    expect(await power(loser, "start", "b")).toBeUndefined();
    expect(await power(winner, "resume", "a")).toBeDefined();
  },
);

test("no VM is started while less is free than the reserve, and what runs is let alone", async () => {
  let free = 300 * GiB;
  const [open] = await labsOfOneHost('disk_reserve = "10GiB"', async () => ({ total: 500 * GiB, free }));
  if (open === undefined) throw new Error("a lab");
  const about = { ...{ lab: "one", lineage: "00", deletedAt: 0, reason: "deleted" }, record: {} };
  const trash = async () => [{ ...about, id: "0", name: "old", size: 3 * GiB }];
  const vm = { ...open.providers.vm, trash };
  const lab = { ...open, providers: { ...open.providers, vm } };
  expect(await power(lab, "start", "a")).toBeUndefined();
  free = 8 * GiB;
  expect(await power(lab, "start", "a", "b")).toEqual({
    severity: "error",
    code: "host/not-enough-disk",
    summary:
      "No VM can be started: 8 GiB are free on the file system of VMLAB_HOME, and 10 GiB stay reserved",
    detail:
      "To be started: b (disk 10 GiB).\nA VM that finds no room on the host is paused until there is some.",
    hint: "`vmlab trash empty` frees 3 GiB. Or make room otherwise, or lower limits.disk_reserve with `vmlab config set`, or [limits] of lab.toml where that is tighter.",
  });
  expect(await power(lab, "restart", "a")).toMatchObject({ code: "host/not-enough-disk" });
  // It was there all the time.
  expect(await power(lab, "pause", "a")).toBeUndefined();
  expect(await power(lab, "resume", "a")).toBeUndefined();
  expect(await power(lab, "suspend", "a")).toBeUndefined();
  expect(await power(lab, "resume", "a")).toMatchObject({ code: "host/not-enough-disk" });
  free = 10 * GiB;
  expect(await power(lab, "resume", "a")).toBeUndefined();
  free = 0;
  expect(await power(lab, "stop", "a")).toBeUndefined();
});

test("a restore that powers machines on asks for room as a start does", async () => {
  const [one, two] = await labsOfOneHost('memory = "3GiB"');
  if (one === undefined || two === undefined) throw new Error("two labs");
  const about = { vms: ["a", "b"], name: "then", command: "snapshot", lockTimeoutMs: 0 };
  const call = { ...about, signal: new AbortController().signal, sensitiveVariables: {} };
  expect(await power(one, "start", "a", "b")).toBeUndefined();
  expect(await takeSnapshots(one, call)).toEqual({ state: "done" });
  expect(await power(one, "stop", "a", "b")).toBeUndefined();
  expect(await power(two, "start", "a", "b")).toBeUndefined();
  expect(await restoreSnapshots(one, call)).toMatchObject({
    state: "failed",
    diagnostics: [{ summary: "The running VMs need 2 GiB of memory, and 1 GiB are free" }],
  });
  // Nothing of it was begun; once there is room it is taken, and the other lab is told.
  expect(await power(two, "stop", "a")).toBeUndefined();
  expect(await restoreSnapshots(one, call)).toEqual({ state: "done" });
  expect(await power(two, "start", "a")).toMatchObject({ code: "host/not-enough-memory" });
});
