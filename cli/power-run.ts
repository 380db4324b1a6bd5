/** Carries out a power command in one lab, and tells what came of it for each VM. */
import type { ApplyOutcome } from "../engine/apply/options.ts";
import type { Event } from "../engine/events.ts";
import type { PowerVerb } from "../engine/operate/decide-power.ts";
import { type PowerPlan, planPower, type Refusal } from "../engine/operate/power.ts";
import type { Plan } from "../engine/plan/types.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import type { VmProvider } from "../providers/provider.ts";
import { applied, exitCodeOf, planned, recoverFirst } from "./apply-run.ts";
import type { CommandContext } from "./context.ts";
import type { RunReporter } from "./run-reporter.ts";
import { type GivenVariables, openWorkspace } from "./workspace.ts";

export interface PowerRequest {
  readonly verb: PowerVerb;
  readonly force: boolean;
  readonly parallelism: number;
  readonly lockTimeoutMs: number;
  readonly given: GivenVariables;
  /** Every VM has an event then, also one that is as asked; for people a table says it. */
  readonly json: boolean;
  /** The VMs that it is about; what finds none may throw diagnostics. */
  readonly choose: (
    state: State | undefined,
    provider: VmProvider,
  ) => readonly ResourceState[] | Promise<readonly ResourceState[]>;
}

/** What came of one VM. */
export interface PowerOutcome {
  readonly name: string;
  /** `already`: it was as asked. */
  readonly result: "done" | "already" | "failed" | "skipped";
  readonly durationMs?: number;
  readonly why?: string;
}

export interface PowerRun {
  readonly outcomes: readonly PowerOutcome[];
  readonly exitCode: number;
}

/** Throws diagnostics where none of the VMs can be done. */
export async function runPower(
  context: CommandContext,
  reporter: RunReporter,
  request: PowerRequest,
): Promise<PowerRun> {
  const { verb, force, parallelism, lockTimeoutMs } = request;
  const durations = new Map<string, number>();
  const events = (event: Event): void => {
    if (event.type === "operation-finished" || event.type === "operation-failed") {
      const { address } = event.operation;
      durations.set(address, (durations.get(address) ?? 0) + event.durationMs);
    }
    reporter.events(event);
  };
  const workspace = await openWorkspace(context, request.given, events);
  await recoverFirst(context, reporter, workspace, { command: verb, lockTimeoutMs });
  const vms = await request.choose(await workspace.store.read(), workspace.providers.vm);
  if (vms.length === 0) return { outcomes: [], exitCode: 0 };
  let refused: PowerPlan["refused"] = new Map();
  const plan = await planned(context, reporter, async () => {
    const made = await planPower(
      workspace,
      verb,
      vms.map(({ name }) => name),
      { force },
    );
    refused = made.refused;
    return made;
  });
  reporter.widen(vms.map(({ address }) => address));
  for (const [address, refusal] of refused) tellRefusal(reporter, verb, address, refusal);
  if (request.json) for (const note of plan.notes) reporter.events({ type: "note", ...note });
  const outcome =
    plan.operations.length === 0
      ? undefined
      : await applied(context, reporter, workspace, plan, { command: verb, parallelism, lockTimeoutMs });
  const failed = refused.size > 0 || (outcome !== undefined && exitCodeOf(outcome) !== 0);
  return {
    outcomes: vms.map((vm) => outcomeOf(vm, { plan, outcome, refused, durations })),
    exitCode: failed ? 1 : 0,
  };
}

function tellRefusal({ events }: RunReporter, verb: PowerVerb, address: string, refusal: Refusal): void {
  const operation = { id: `${address}:${verb}`, address, step: verb, action: verb };
  if (refusal.kind === "skipped") events({ type: "operation-skipped", operation, because: refusal.because });
  else events({ type: "operation-failed", operation, durationMs: 0, diagnostics: refusal.diagnostics });
}

function outcomeOf(
  { name, address }: ResourceState,
  run: {
    readonly plan: Plan;
    readonly outcome: ApplyOutcome | undefined;
    readonly refused: PowerPlan["refused"];
    readonly durations: ReadonlyMap<string, number>;
  },
): PowerOutcome {
  const refusal = run.refused.get(address);
  if (refusal?.kind === "skipped") return { name, result: "skipped", why: refusal.because };
  const failure =
    refusal?.diagnostics ?? run.outcome?.failures.find((one) => one.address === address)?.diagnostics;
  const durationMs = run.durations.get(address);
  const took = durationMs === undefined ? {} : { durationMs };
  if (failure !== undefined) return { name, result: "failed", ...took, why: failure[0]?.summary ?? "" };
  const because = run.outcome?.skipped.find((one) => one.address === address)?.because;
  if (because !== undefined) return { name, result: "skipped", ...took, why: because };
  const touched = run.plan.operations.some((operation) => operation.address === address);
  return { name, result: touched ? "done" : "already", ...took };
}
