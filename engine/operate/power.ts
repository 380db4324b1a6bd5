/** Power commands: a plan of power operations, carried out by apply like any other. */
import { expandLab } from "../config/expand.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { expandInput } from "../plan/expand-input.ts";
import { NO_PORTS } from "../plan/host-ports.ts";
import type { DecidedResource } from "../plan/operations.ts";
import { makeOperations } from "../plan/operations.ts";
import type { PlanOutcome } from "../plan/options.ts";
import { type Change, type Operation, PLAN_FORMAT, type Plan, type Step } from "../plan/types.ts";
import { NO_VOLUMES } from "../plan/volume-moves.ts";
import type { ResourceState } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { decidePower, type PowerOptions, type PowerVerb, powersOn } from "./decide-power.ts";
import { notMade } from "./require-made.ts";
import { startProblems } from "./start-problems.ts";

export interface PowerPlan extends PlanOutcome {
  /** VMs that nothing is done with, by address: what stands in the way, or what that they wait for is refused. */
  readonly refused: ReadonlyMap<string, Refusal>;
}

export type Refusal =
  | { readonly kind: "failed"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "skipped"; readonly because: string };

/**
 * VMs that cannot be done are refused one by one, and whoever depends on them; there is no plan when nothing is left.
 *
 * @param vms names of VMs in the state
 */
export async function planPower(
  workspace: Workspace,
  verb: PowerVerb,
  vms: readonly string[],
  options: PowerOptions,
): Promise<PowerPlan> {
  const state = await workspace.store.read();
  const records = vms.flatMap((name) => state?.resources[`vm.${name}`] ?? []);
  const unknown = vms.filter((name) => state?.resources[`vm.${name}`] === undefined);
  if (state === undefined || unknown.length > 0) {
    return { diagnostics: unknown.map(notMade), refused: new Map() };
  }
  const observations = await workspace.providers.vm.read(records.flatMap((record) => record.instance ?? []));
  const refused = new Map<string, Refusal>();
  const items: DecidedResource[] = [];
  for (const record of records) {
    const verdict = decidePower(verb, record, observations.get(record.instance ?? ""), options);
    if ("refused" in verdict) refused.set(record.address, { kind: "failed", diagnostics: [verdict.refused] });
    else
      items.push({
        address: record.address,
        provider: record.provider,
        decision: verdict.decision,
        // Starting goes along the dependencies, stopping against them.
        dependsOn: powersOn(verb) ? record.dependsOn : dependentsAmong(record, records),
        dependedOn: [],
        ...NO_PORTS,
        ...NO_VOLUMES,
        removal: false,
      });
  }
  const boots = new Set(
    items.filter(({ decision }) => powersUp(decision.steps)).map(({ address }) => address),
  );
  const stuck = await startProblems(
    workspace,
    state,
    records.filter(
      ({ address, instance = "" }) =>
        boots.has(address) && (verb === "restart" || observations.get(instance)?.state === "stopped"),
    ),
  );
  for (const [address, diagnostics] of stuck) refused.set(address, { kind: "failed", diagnostics });
  const ordered = orderByDependency(items.filter(({ decision }) => decision.steps.length > 0));
  if (powersOn(verb)) skipDependents(ordered, refused);
  const working = ordered.filter(({ address }) => !refused.has(address));
  const diagnostics = [...refused.values()].flatMap((one) => (one.kind === "failed" ? one.diagnostics : []));
  if (refused.size === records.length && refused.size > 0) return { diagnostics, refused };
  const operations = makeOperations(working, () => undefined).map(
    (operation): Operation =>
      operation.step === "stop"
        ? { ...operation, force: options.force, ...(verb === "stop" ? { override: true } : {}) }
        : operation,
  );
  const { values } = expandLab(workspace.lab, expandInput(state));
  const planned = working.flatMap((item) => item.decision.planned ?? []);
  const plan: Plan = {
    format: PLAN_FORMAT,
    tool: workspace.tool,
    lab: workspace.lab.name,
    mode: "power",
    lineage: state.lineage,
    basis: { serial: state.serial, journalSequence: state.journalSequence },
    providers: { [workspace.providers.vm.name]: workspace.providers.vm.version },
    sources: [],
    changes: working.map(changeOf),
    operations,
    resources: Object.fromEntries(planned.map((resource) => [resource.address, resource])),
    observations: [],
    notes: items.flatMap((item) => item.decision.notes),
    outputs: [],
    checks: [],
    values,
    needs: {},
    dataLoss: [],
    unchanged: items.length - working.length,
    cleanup: false,
  };
  return { plan, diagnostics: [], refused };
}

function powersUp(steps: readonly Step[]): boolean {
  return steps.includes("start") || steps.includes("resume");
}

/** In order: what a VM depends on has been looked at before it. */
function skipDependents(ordered: readonly DecidedResource[], refused: Map<string, Refusal>): void {
  for (const { address, dependsOn } of ordered) {
    const because = dependsOn.find((dependency) => refused.has(dependency));
    if (because !== undefined && !refused.has(address))
      refused.set(address, { kind: "skipped", because: `${because} failed` });
  }
}

function dependentsAmong(record: ResourceState, records: readonly ResourceState[]): string[] {
  return records.filter((other) => other.dependsOn.includes(record.address)).map((other) => other.address);
}

/** Few items: repeated passes are simple and quick enough. */
function orderByDependency(items: readonly DecidedResource[]): DecidedResource[] {
  const left = new Map(items.map((item) => [item.address, item]));
  const ordered: DecidedResource[] = [];
  while (left.size > 0) {
    const free = [...left.values()].filter((item) => !item.dependsOn.some((address) => left.has(address)));
    for (const item of free.length > 0 ? free : [...left.values()]) {
      ordered.push(item);
      left.delete(item.address);
    }
  }
  return ordered;
}

function changeOf(item: DecidedResource): Change {
  const { decision: made } = item;
  return {
    address: item.address,
    type: "vm",
    name: item.address.slice("vm.".length),
    provider: item.provider,
    action: made.action,
    summary: made.summary,
    reasons: made.reasons,
    attributes: [],
    after_changes: [],
  };
}
