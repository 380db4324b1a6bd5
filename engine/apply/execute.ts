/** Carries out a plan's operations: reports each, isolates failures, takes back what cannot stand. */
import { type Diagnostic, errorText, isDiagnosticsError, problem } from "../diagnostics.ts";
import type { OperationLabel } from "../events.ts";
import { readHostConfig } from "../host/host-config.ts";
import { operationContext } from "../operation-context.ts";
import { durationSubject, isFound } from "../plan/assemble-plan.ts";
import { durationKey } from "../plan/durations.ts";
import type { Operation } from "../plan/types.ts";
import { maskAll } from "./mask.ts";
import type { ApplyOptions, ApplyOutcome, OperationFailure } from "./options.ts";
import type { Run } from "./run.ts";
import { schedule } from "./scheduler.ts";
import { discard } from "./steps/discard.ts";
import { STEPS } from "./steps/index.ts";
import { isBegunExchange, rollBack } from "./steps/replacement.ts";
import { TurnWait } from "./turn-wait.ts";

export interface Execution {
  readonly failures: readonly OperationFailure[];
  readonly skipped: ApplyOutcome["skipped"];
  /** Milliseconds by duration key, of operations that succeeded. */
  readonly durations: ReadonlyMap<string, readonly number[]>;
  /** Addresses all of whose operations succeeded. */
  readonly completed: ReadonlySet<string>;
}

export async function execute(run: Run, options: ApplyOptions): Promise<Execution> {
  const failures: OperationFailure[] = [];
  const skipped: { operation: string; address: string; because: string }[] = [];
  const durations = new Map<string, number[]>();
  // A resource that fails or is left out is told of once, not again for each of its steps.
  const toldOf = new Set<string>();
  const { plan, workspace } = run;
  const results = await schedule(plan.operations, {
    parallelism: options.parallelism,
    boots: await parallelBoots(run),
    graceful: options.graceful,
    hard: options.hard,
    mustFinish: (operation) => isBegunExchange(run, operation),
    skipped: (operation, because) => {
      skipped.push({ operation: operation.id, address: operation.address, because });
      if (toldOf.has(operation.address)) return;
      toldOf.add(operation.address);
      workspace.events({ type: "operation-skipped", operation: labelOf(operation), because });
    },
    run: async (operation) => {
      const { clock } = workspace.effects;
      const started = clock.now();
      const turn = new TurnWait(() => clock.now());
      const problems = await runOne(run, operation, options.hard, turn);
      const durationMs = clock.now() - started;
      if (problems === undefined) {
        if (!isFound(plan.resources[operation.address]))
          note(durations, keyOf(run, operation), durationMs - turn.waitedMs);
        workspace.events({ type: "operation-finished", operation: labelOf(operation), durationMs });
        return true;
      }
      const diagnostics = maskAll(problems, run.mask);
      toldOf.add(operation.address);
      failures.push({ operation: operation.id, address: operation.address, diagnostics });
      workspace.events({ type: "operation-failed", operation: labelOf(operation), durationMs, diagnostics });
      if (!options.hard.aborted) await takeBack(run, operation, diagnostics);
      return false;
    },
  });
  if (!options.hard.aborted) await takeBackUnfinished(run);
  const incomplete = new Set(
    plan.operations
      .filter((operation) => results.get(operation.id)?.type !== "done")
      .map((operation) => operation.address),
  );
  const completed = new Set(
    plan.changes.map((change) => change.address).filter((address) => !incomplete.has(address)),
  );
  return { failures, skipped, durations, completed };
}

/** Machines that use this host boot a few at a time: more at once take longer than one after another. */
async function parallelBoots(run: Run): Promise<number | undefined> {
  const { workspace, providers } = run;
  if (!providers.vm.usesHost) return undefined;
  return (await readHostConfig(workspace.effects, workspace.home)).limits.parallelStarts;
}

function labelOf(operation: Operation): OperationLabel {
  const { id, address, step, action } = operation;
  return { id, address, step, action };
}

function keyOf(run: Run, operation: Operation): string {
  const { address, provider, step } = operation;
  return durationKey(
    provider,
    address.split(".")[0] ?? "",
    step,
    durationSubject(address, run.plan.resources[address]),
  );
}

function note(durations: Map<string, number[]>, key: string, ms: number): void {
  const list = durations.get(key);
  if (list === undefined) durations.set(key, [ms]);
  else list.push(ms);
}

/** Undefined when it succeeded. */
async function runOne(
  run: Run,
  operation: Operation,
  signal: AbortSignal,
  turn: TurnWait,
): Promise<readonly Diagnostic[] | undefined> {
  const { events } = run.workspace;
  const label = labelOf(operation);
  const { estimateMs } = operation;
  events({
    type: "operation-started",
    operation: label,
    ...(estimateMs === undefined ? {} : { estimateMs }),
  });
  const context = turn.watching(operationContext(events, label, signal));
  try {
    await STEPS[operation.step](run, { operation, planned: run.plan.resources[operation.address], context });
    return undefined;
  } catch (error) {
    if (isDiagnosticsError(error))
      return error.diagnostics.map((diagnostic) => ({ address: operation.address, ...diagnostic }));
    if (signal.aborted) {
      return [
        problem({
          code: "apply/interrupted",
          address: operation.address,
          summary: `${operation.step} was interrupted`,
          hint: "The next vmlab command that changes the lab finishes or undoes it.",
        }),
      ];
    }
    const stack = error instanceof Error ? error.stack : undefined;
    return [
      problem({
        code: "internal/bug",
        address: operation.address,
        summary: `${operation.step} failed in a way that vmlab does not know: ${errorText(error)}`,
        ...(stack === undefined || run.workspace.effects.host.env.VMLAB_DEBUG === undefined
          ? {}
          : { detail: stack }),
        hint: "Run again with VMLAB_DEBUG=1 for the stack trace, and report it.",
      }),
    ];
  }
}

/** A replacement whose new machine never got ready gives way to the old one; --cleanup removes a VM that never did. */
async function takeBack(run: Run, operation: Operation, diagnostics: readonly Diagnostic[]): Promise<void> {
  const reason = diagnostics[0]?.summary ?? `${operation.step} failed`;
  const record = run.keeper.resource(operation.address);
  try {
    if (record?.replacement !== undefined) {
      await rollBack(run, operation.address, reason, !run.plan.cleanup);
    } else if (
      run.plan.cleanup &&
      operation.action === "create" &&
      (operation.step === "start" || operation.step === "ready")
    ) {
      await discard(run, operation.address);
    }
  } catch (error) {
    reportTakeBackFailure(run, operation.address, error);
  }
}

/** Replacements that an interrupt or a failure elsewhere left half way. */
async function takeBackUnfinished(run: Run): Promise<void> {
  for (const record of run.keeper.resources()) {
    if (record.replacement === undefined) continue;
    try {
      await rollBack(run, record.address, "the replacement was not finished", false);
    } catch (error) {
      reportTakeBackFailure(run, record.address, error);
    }
  }
}

function reportTakeBackFailure(run: Run, address: string, error: unknown): void {
  const diagnostics = isDiagnosticsError(error)
    ? error.diagnostics
    : [
        problem({
          code: "apply/take-back",
          address,
          summary: `${address} could not be taken back: ${errorText(error)}`,
          hint: "The next vmlab command that changes the lab tries again.",
        }),
      ];
  for (const diagnostic of diagnostics) run.workspace.events({ type: "diagnostic", diagnostic });
}
