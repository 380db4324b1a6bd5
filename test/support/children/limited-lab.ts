/**
 * A vmlab whose pretend machines count for the host's limits: `node limited-lab.mjs ROOT HOME`. For each line on standard
 * input it prints one on standard output: after `plan VERB` (apply, start, stop) that it is planned, after `go` what came
 * of carrying that out, as JSON: the diagnostics it was refused with, none when it was done.
 */
import { createInterface } from "node:readline";
import { applyPlan } from "../../../engine/apply/apply-plan.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { planPower } from "../../../engine/operate/power.ts";
import { makePlan } from "../../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../../engine/plan/options.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import type { Workspace } from "../../../engine/workspace.ts";
import { FakeLab } from "../fake-lab.ts";

const [root = "", home] = process.argv.slice(2);
const lab = FakeLab.open(root, home);
let planned: { readonly workspace: Workspace; readonly plan: Plan } | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const [word, verb = ""] = line.split(" ");
  process.stdout.write(`${JSON.stringify(word === "plan" ? await plan(verb) : await carryOut())}\n`);
}

async function workspace(): Promise<Workspace> {
  const open = await lab.workspace();
  const { providers } = open;
  return { ...open, providers: { ...providers, vm: { ...providers.vm, usesHost: true } } };
}

async function plan(verb: string): Promise<readonly unknown[]> {
  const open = await workspace();
  const outcome =
    verb === "start" || verb === "stop"
      ? await planPower(open, verb, ["web"], { force: false })
      : await makePlan(open, DEFAULT_PLAN_OPTIONS);
  planned = outcome.plan === undefined ? undefined : { workspace: open, plan: outcome.plan };
  return outcome.diagnostics;
}

async function carryOut(): Promise<readonly unknown[]> {
  if (planned === undefined) throw new Error("nothing is planned");
  const never = new AbortController().signal;
  try {
    const { failures } = await applyPlan(planned.workspace, planned.plan, {
      ...{ command: "apply", parallelism: 10, lockTimeoutMs: 0, sensitiveVariables: {} },
      ...{ graceful: never, hard: never },
    });
    return failures.flatMap(({ diagnostics }) => diagnostics);
  } catch (error) {
    if (isDiagnosticsError(error)) return error.diagnostics;
    throw error;
  }
}
