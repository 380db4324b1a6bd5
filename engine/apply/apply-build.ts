/**
 * Carries out a plan of mode "build": images and roles are made for the store, whether or not a VM of the lab stands
 * on them. The lab's state is neither locked nor changed; pins are recorded.
 */
import { DiagnosticsError } from "../diagnostics.ts";
import { recordDurations } from "../plan/durations.ts";
import { hostProblems } from "../plan/host-problems.ts";
import type { Plan } from "../plan/types.ts";
import { MemoryStore } from "../state/memory-store.ts";
import type { Workspace } from "../workspace.ts";
import { freshState, outcomeOf, runFor } from "./apply-plan.ts";
import { execute } from "./execute.ts";
import type { ApplyOptions, ApplyOutcome } from "./options.ts";
import { RecordKeeper } from "./record-keeper.ts";

export async function applyBuild(
  workspace: Workspace,
  plan: Plan,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const { effects, home, tool, events } = workspace;
  const started = effects.clock.now();
  const recorded = (await workspace.store.read()) ?? (await freshState(workspace, plan));
  // What is built on what is looked up in records: those of the lab, and of what this run makes.
  const store = await new MemoryStore({ effects, tool }).lock(options.command, { timeoutMs: 0 });
  await store.initialise(recorded);
  const run = runFor(workspace, plan, new RecordKeeper(store, recorded), options.sensitiveVariables);
  const problems = await hostProblems(run.providers.vm, plan.operations, plan.resources, workspace.lab.accel);
  if (problems.some((diagnostic) => diagnostic.severity === "error")) throw new DiagnosticsError(problems);
  await run.providers.image.recover();
  events({
    type: "run-started",
    operations: plan.operations.length,
    ...(plan.estimateMs === undefined ? {} : { estimateMs: plan.estimateMs }),
  });
  const execution = await execute(run, options);
  await recordDurations(effects, home, execution.durations);
  return outcomeOf(run, execution, options, { state: undefined, started });
}
