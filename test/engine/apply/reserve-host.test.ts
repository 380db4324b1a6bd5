import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { homeFrom } from "../../../engine/home.ts";
import type { PowerVerb } from "../../../engine/operate/decide-power.ts";
import { planPower } from "../../../engine/operate/power.ts";
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

/** Labs of one host, whose pretend machines count against its limits. */
async function labsOfOneHost(limits: string): Promise<readonly Workspace[]> {
  const labs: FakeLab[] = [await create(toml("one")), await create(toml("two"))];
  const home = homeFrom({ VMLAB_HOME: labs[0]?.homeFolder ?? "" });
  const workspaces = await Promise.all(
    labs.map(async (lab) => {
      const workspace = await lab.workspace(labs[0]?.effects());
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
): Promise<{ code: string; summary: string; detail?: string } | undefined> {
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
