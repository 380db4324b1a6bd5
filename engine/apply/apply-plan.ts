/** Takes the lock, recovers, carries the plan out, and leaves a snapshot. */
import type { LabIdentity } from "../../providers/provider.ts";
import { deepEvaluate, type EvaluationContext } from "../config/evaluate-deferred.ts";
import type { NetworkInputs, VmInputs } from "../config/types.ts";
import { DiagnosticsError, errorText, fail, isDiagnosticsError } from "../diagnostics.ts";
import type { RunCounts } from "../events.ts";
import { logsOfLab } from "../host/provision-log.ts";
import type { Json } from "../json.ts";
import { holdsSensitive } from "../plan/compare-inputs.ts";
import { recordDurations } from "../plan/durations.ts";
import { hostProblems } from "../plan/host-problems.ts";
import { basisMismatch } from "../plan/saved-plan.ts";
import type { ObservedUpdate, Plan } from "../plan/types.ts";
import { isUnfinished } from "../state/is-unfinished.ts";
import type { LockedStore } from "../state/store.ts";
import { type OutputState, type ResourceState, STATE_VERSION, type State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { evaluateKnownInputs } from "./evaluate-inputs.ts";
import { type Execution, execute } from "./execute.ts";
import { expireTrash } from "./expire-trash.ts";
import { keepTexts } from "./keep-texts.ts";
import { maskedEvents, masker, secretStrings } from "./mask.ts";
import type { ApplyOptions, ApplyOutcome } from "./options.ts";
import { PinWriter } from "./pin-writer.ts";
import { RecordKeeper } from "./record-keeper.ts";
import { recover } from "./recover.ts";
import { reportChecks } from "./report-checks.ts";
import { releaseHost, reserveHost, settleHost } from "./reserve-host.ts";
import type { Run } from "./run.ts";
import { type LabLookups, vmSpec } from "./vm-spec.ts";
import { volumeLookup } from "./volume-records.ts";

export async function applyPlan(
  workspace: Workspace,
  plan: Plan,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  if (plan.mode === "build") {
    const { applyBuild } = await import("./apply-build.ts");
    return await applyBuild(workspace, plan, options);
  }
  const started = workspace.effects.clock.now();
  const locked = await workspace.store.lock(options.command, {
    timeoutMs: options.lockTimeoutMs,
    events: workspace.events,
    signal: options.graceful,
  });
  try {
    const existing = await locked.read();
    // What a crash left was recovered, as far as that is possible, before the plan was made (recoverPending).
    refuseStale(plan, existing);
    const state = existing ?? (await firstState(workspace, plan, locked));
    const run = runFor(workspace, plan, new RecordKeeper(locked, state), options.sensitiveVariables);
    await refuseUnfitHost(run);
    await recordMoves(run);
    await reserveHost(run);
    if (plan.operations.length > 0) await run.providers.image.recover();
    workspace.events({
      type: "run-started",
      operations: plan.operations.length,
      ...(plan.estimateMs === undefined ? {} : { estimateMs: plan.estimateMs }),
    });
    await recordObservations(run, plan.observations);
    const execution = await execute(run, options);
    if (options.hard.aborted)
      return outcomeOf(run, execution, options, { state: run.keeper.state(), started });
    const outputs = plan.mode === "normal" ? await recordOutputs(run) : run.keeper.state().outputs;
    const checks = reportChecks(run);
    const final = await finish(run, locked);
    await tidyUp(run, execution, locked);
    return outcomeOf(run, execution, options, { outputs, checks, state: final, started });
  } finally {
    await locked.release();
  }
}

/**
 * Finishes or undoes what a crashed run left, before a plan is made. Takes the lock only when there is something to
 * do, or when it is held (to wait for its holder).
 */
export async function recoverPending(
  workspace: Workspace,
  options: Pick<ApplyOptions, "command" | "lockTimeoutMs" | "graceful">,
): Promise<void> {
  const seen = await workspace.store.read();
  if ((seen === undefined || !isUnfinished(seen)) && !(await lockedByAnother(workspace))) return;
  const locked = await workspace.store.lock(options.command, {
    timeoutMs: options.lockTimeoutMs,
    events: workspace.events,
    signal: options.graceful,
  });
  try {
    const state = await locked.read();
    if (state === undefined || !isUnfinished(state)) return;
    await recoverState(workspace, state, locked);
  } finally {
    await locked.release();
  }
}

/** A plan made while another command is at work would be stale by the time that ends. */
async function lockedByAnother(workspace: Workspace): Promise<boolean> {
  const held = await workspace.store.lockHolder();
  return held !== undefined && held.alive !== false;
}

async function recoverState(workspace: Workspace, state: State, locked: LockedStore): Promise<void> {
  const run = runFor(workspace, emptyPlan(workspace, state), new RecordKeeper(locked, state), {});
  await recover(run);
  await run.keeper.checkpoint();
  await settleHost(run);
}

/** Conveniences after the work is done and recorded: that one fails is told, and is no failure of the apply. */
async function tidyUp(run: Run, execution: Execution, locked: LockedStore): Promise<void> {
  const { effects, home, events } = run.workspace;
  try {
    await keepTexts(run, locked);
    await expireTrash(run);
    if (execution.failures.length === 0) {
      const now = effects.clock.now();
      for (const text of await run.providers.image.tidy(now)) events({ type: "note", text });
    }
    await recordDurations(effects, home, execution.durations);
  } catch (error) {
    const why = isDiagnosticsError(error)
      ? error.diagnostics.map((diagnostic) => diagnostic.summary).join("; ")
      : errorText(error);
    events({ type: "note", text: `tidying up was left for the next time: ${why}` });
  }
}

/** A plan only warns of what this host lacks; nothing is begun without it. */
async function refuseUnfitHost(run: Run): Promise<void> {
  const problems = await hostProblems(
    run.providers.vm,
    run.plan.operations,
    run.plan.resources,
    run.workspace.lab.accel,
  );
  if (problems.some((diagnostic) => diagnostic.severity === "error")) throw new DiagnosticsError(problems);
}

async function firstState(workspace: Workspace, plan: Plan, locked: LockedStore): Promise<State> {
  const state = await freshState(workspace, plan);
  await locked.initialise(state);
  return (await locked.read()) ?? state;
}

/** The state of a lab that has none yet. */
export async function freshState(workspace: Workspace, plan: Plan): Promise<State> {
  const { effects } = workspace;
  return {
    version: STATE_VERSION,
    lineage: plan.lineage,
    serial: 0,
    host: await effects.host.hostId(),
    folder: workspace.folder,
    home: workspace.home.root,
    lab: workspace.lab.name,
    tool: workspace.tool,
    sensitiveKey: plan.sensitiveKey ?? effects.random.bytes(32).toString("hex"),
    resources: {},
    outputs: {},
    intents: {},
    journalSequence: 0,
  };
}

function refuseStale(plan: Plan, state: State | undefined): void {
  const why = basisMismatch(plan, state);
  if (why === undefined) return;
  fail({
    code: "plan/stale",
    summary: `the plan does not fit any more: ${why}`,
    hint: "Plan again and apply that.",
  });
}

/** What the steps of one run share. */
export function runFor(
  workspace: Workspace,
  plan: Plan,
  keeper: RecordKeeper,
  sensitiveVariables: Readonly<Record<string, Json>>,
): Run {
  const lab: LabIdentity = { name: workspace.lab.name, lineage: keeper.lineage, folder: workspace.folder };
  const evaluation: EvaluationContext = {
    values: plan.values,
    liveAttributes: (address) => keeper.resource(address)?.attributes,
    sensitiveVariables,
    files: workspace.lab.files,
  };
  const lookups: LabLookups = {
    network: (name) => {
      const address = `network.${name}`;
      const inputs = plan.resources[address]?.inputs ?? keeper.resource(address)?.inputs;
      return inputs as unknown as NetworkInputs | undefined;
    },
    volume: volumeLookup((address) => keeper.resource(address)),
  };
  const knownSpec = (record: ResourceState) => {
    const identity = {
      id: record.instance ?? "",
      name: record.name,
      lab,
      base: { digest: String(record.attributes.base), user: "" },
      environment: record.environment,
    };
    const known = evaluateKnownInputs(record.inputs as unknown as VmInputs, evaluation, keeper.sensitiveKey);
    return vmSpec(identity, known.inputs, lookups, !known.complete);
  };
  const given = secretStrings(Object.values(sensitiveVariables));
  const secrets = () => [...given, ...keeper.secretStrings()];
  const mask = masker(secrets);
  const events = maskedEvents(workspace.events, mask);
  return {
    workspace: { ...workspace, events },
    plan,
    keeper,
    providers: workspace.providers,
    lab,
    mask,
    evaluation,
    pins: new PinWriter(workspace.effects, workspace.home, workspace.folder),
    lookups,
    knownSpec,
  };
}

function emptyPlan(workspace: Workspace, state: State): Plan {
  return {
    format: 1,
    tool: workspace.tool,
    lab: workspace.lab.name,
    mode: "normal",
    lineage: state.lineage,
    basis: { serial: state.serial, journalSequence: state.journalSequence },
    providers: {},
    sources: [],
    changes: [],
    operations: [],
    resources: {},
    observations: [],
    notes: [],
    outputs: [],
    checks: [],
    values: { vars: {}, sensitiveVars: {}, vms: {}, scopes: {} },
    needs: {},
    dataLoss: [],
    unchanged: 0,
    cleanup: false,
  };
}

async function recordMoves({ plan, keeper }: Run): Promise<void> {
  for (const { address: to, previousAddress: from } of plan.changes) {
    if (from !== undefined) await keeper.commit({ kind: "moved", from, to });
  }
}

async function recordObservations(run: Run, observations: readonly ObservedUpdate[]): Promise<void> {
  for (const { address, attributes, powerOverride, preventDestroy, dependsOn, triggers } of observations) {
    const record = run.keeper.resource(address);
    if (record === undefined) continue;
    const { powerOverride: before, ...rest } = record;
    const override = powerOverride === undefined ? before : (powerOverride ?? undefined);
    await run.keeper.commit({
      kind: "resource",
      address,
      resource: {
        ...rest,
        attributes: { ...record.attributes, ...attributes },
        preventDestroy: preventDestroy ?? record.preventDestroy,
        dependsOn: dependsOn ?? record.dependsOn,
        ...(triggers === undefined ? {} : { triggers }),
        ...(override === undefined ? {} : { powerOverride: override }),
      },
    });
  }
}

/** Outputs that cannot be computed, because what they read was not made, keep their last value. */
async function recordOutputs(run: Run): Promise<Readonly<Record<string, OutputState>>> {
  const before = run.keeper.state().outputs;
  const outputs: Record<string, OutputState> = {};
  for (const { name, value, sensitive } of run.plan.outputs) {
    try {
      const evaluated = deepEvaluate(value as Json, run.evaluation);
      outputs[name] = { value: evaluated, sensitive: sensitive || holdsSensitive(value) };
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      const last = before[name];
      if (last !== undefined) outputs[name] = last;
    }
  }
  if (JSON.stringify(outputs) !== JSON.stringify(before))
    await run.keeper.commit({ kind: "outputs", outputs });
  return outputs;
}

/** After a complete destroy nothing is left of the lab but its history. */
async function finish(run: Run, locked: LockedStore): Promise<State | undefined> {
  const left = run.keeper.resources();
  if (run.plan.mode === "destroy" && left.length === 0) {
    await run.providers.vm.forgetLab(run.lab);
    await run.workspace.effects.files.remove(logsOfLab(run.workspace.home, run.lab.lineage));
    await releaseHost(run);
    await locked.clear();
    return undefined;
  }
  const state = run.keeper.changed ? await run.keeper.checkpoint() : run.keeper.state();
  await settleHost(run);
  return state;
}

export function outcomeOf(
  run: Run,
  execution: Execution,
  options: ApplyOptions,
  end: {
    readonly outputs?: ApplyOutcome["outputs"];
    readonly checks?: ApplyOutcome["checks"];
    readonly state: State | undefined;
    /** Milliseconds since the epoch. */
    readonly started: number;
  },
): ApplyOutcome {
  const counts = countsOf(run.plan, execution);
  const { workspace } = run;
  workspace.events({
    type: "run-finished",
    result: counts,
    durationMs: workspace.effects.clock.now() - end.started,
  });
  return {
    counts,
    failures: execution.failures,
    skipped: execution.skipped,
    interrupted: options.graceful.aborted || options.hard.aborted,
    checks: end.checks ?? [],
    outputs: end.outputs ?? {},
    state: end.state,
  };
}

function countsOf(plan: Plan, execution: Execution): RunCounts {
  const done = plan.changes
    .filter((change) => execution.completed.has(change.address))
    .map((change) => change.action);
  const count = (...actions: string[]) => done.filter((action) => actions.includes(action)).length;
  const failed = new Set(execution.failures.map((failure) => failure.address));
  const skipped = new Set(
    execution.skipped.map((skip) => skip.address).filter((address) => !failed.has(address)),
  );
  return {
    created: count("create", "build"),
    updated: count("update", "start", "stop", "move", "import"),
    replaced: count("replace"),
    deleted: count("delete", "forget"),
    failed: failed.size,
    skipped: skipped.size,
  };
}
