/** start, stop and restart on request: a plan of power operations, carried out by apply like any other. */

import type { VmObservation } from "../../providers/provider.ts";
import { expandLab } from "../config/expand.ts";
import type { VmInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { type Decision, NO_CHANGE } from "../plan/decision.ts";
import { expandInput } from "../plan/expand-input.ts";
import { NO_PORTS } from "../plan/host-ports.ts";
import type { DecidedResource } from "../plan/operations.ts";
import { makeOperations } from "../plan/operations.ts";
import type { PlanOutcome } from "../plan/options.ts";
import {
  type Change,
  type Operation,
  PLAN_FORMAT,
  type Plan,
  type PlannedResource,
  type Step,
} from "../plan/types.ts";
import { NO_VOLUMES } from "../plan/volume-moves.ts";
import type { ResourceState } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { notMade } from "./require-made.ts";

export type PowerVerb = "start" | "stop" | "restart";

export interface PowerOptions {
  /** stop: do not ask the guest. */
  readonly force: boolean;
}

/** @param vms names of VMs in the state */
export async function planPower(
  workspace: Workspace,
  verb: PowerVerb,
  vms: readonly string[],
  options: PowerOptions,
): Promise<PlanOutcome> {
  const state = await workspace.store.read();
  const records = vms.flatMap((name) => state?.resources[`vm.${name}`] ?? []);
  const unknown = vms.filter((name) => state?.resources[`vm.${name}`] === undefined);
  if (state === undefined || unknown.length > 0) {
    return { diagnostics: unknown.map(notMade) };
  }
  const observations = await workspace.providers.vm.read(records.flatMap((record) => record.instance ?? []));
  const diagnostics: Diagnostic[] = [];
  const items = records.map((record): DecidedResource => {
    const decision = decidePower(verb, record, observations.get(record.instance ?? ""), diagnostics);
    // Starting goes along the dependencies, stopping against them.
    const related = verb === "stop" ? dependentsAmong(record, records) : record.dependsOn;
    return {
      address: record.address,
      provider: record.provider,
      decision,
      dependsOn: related,
      dependedOn: [],
      ...NO_PORTS,
      ...NO_VOLUMES,
      removal: false,
    };
  });
  if (diagnostics.length > 0) return { diagnostics };
  const working = orderByDependency(items.filter((item) => item.decision.steps.length > 0));
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
  return { plan, diagnostics: [] };
}

function decidePower(
  verb: PowerVerb,
  record: ResourceState,
  observation: VmObservation | undefined,
  diagnostics: Diagnostic[],
): Decision {
  const note = (text: string) => [{ address: record.address, text }];
  switch (observation?.state) {
    case "running":
      if (verb === "start" && observation.paused)
        return decision(verb, record, ["start", "ready", "provision"]);
      if (verb === "start" && record.phase === "complete")
        return { ...NO_CHANGE, notes: note("runs already") };
      return decision(
        verb,
        record,
        verb === "start"
          ? ["ready", "provision"]
          : verb === "stop"
            ? ["stop"]
            : ["stop", "start", "ready", "provision"],
      );
    case "stopped":
      if (verb === "stop") return stoppedAlready(record, note("is off already"));
      return decision("start", record, ["start", "ready", "provision"]);
    case "broken":
      diagnostics.push(
        problem({
          code: "operate/broken",
          address: record.address,
          summary: `${record.address} cannot be used: ${observation.reason}`,
          hint: "`vmlab plan` shows what would mend it.",
        }),
      );
      return NO_CHANGE;
    default:
      diagnostics.push(
        problem({
          code: "operate/gone",
          address: record.address,
          summary: `the machine of ${record.address} is gone`,
          hint: "`vmlab apply` makes it anew.",
        }),
      );
      return NO_CHANGE;
  }
}

/** A VM that died, or was powered off inside, stays off from now on: the user said so. */
function stoppedAlready(record: ResourceState, notes: Decision["notes"]): Decision {
  if (record.powerOverride?.by === "command") return { ...NO_CHANGE, notes };
  return { ...decision("stop", record, ["stop"]), notes };
}

function decision(
  action: "start" | "stop" | "restart",
  record: ResourceState,
  steps: readonly Step[],
): Decision {
  return {
    ...NO_CHANGE,
    action: action === "stop" ? "stop" : "start",
    summary: action,
    reasons: [{ kind: "requested", by: action }],
    steps,
    planned: plannedAsRecorded(record),
  };
}

/** The VM as it was last applied: a start carries out no changes of lab.toml. */
function plannedAsRecorded(record: ResourceState): PlannedResource {
  return {
    type: "vm",
    address: record.address,
    name: record.name,
    provider: record.provider,
    dependsOn: record.dependsOn,
    preventDestroy: record.preventDestroy,
    ...(record.environment === undefined ? {} : { environment: record.environment }),
    generation: record.generation,
    inputs: record.inputs as unknown as VmInputs,
    base: String(record.attributes.base),
    user: "",
  };
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
