/** Decisions become a flat list of operations that name the operations they wait for. */
import type { Rolling } from "../config/types.ts";
import type { Decision } from "./decision.ts";
import type { Operation, Step } from "./types.ts";

export interface DecidedResource {
  readonly address: string;
  readonly provider: string;
  readonly decision: Decision;
  /** What it depends on now (declared), or depended on (recorded). */
  readonly dependsOn: readonly string[];
  /** What the record says it stands on until this plan has moved it off. */
  readonly dependedOn: readonly string[];
  /** It goes away: its dependents go first. */
  readonly removal: boolean;
  readonly rolling?: Rolling;
  /** Host ports, as `8080/tcp`, that this change gives up, and that it takes. */
  readonly frees: readonly string[];
  readonly takes: readonly string[];
  /** Volumes, by address, that a VM gives up, and that it has when all is done. */
  readonly releases: readonly string[];
  readonly attaches: readonly string[];
}

/** Estimated milliseconds of an operation; undefined when nothing is recorded. */
export type Estimate = (address: string, step: Step) => number | undefined;

/**
 * In apply order: VMs that go away first (dependents before what they depend on), then what is made and changed in
 * dependency order, then what is only forgotten. `decided` comes in dependency order.
 */
export function makeOperations(decided: readonly DecidedResource[], estimate: Estimate): Operation[] {
  const removals = decided.filter((item) => item.removal).reverse();
  const removing = new Map(removals.map((item) => [item.address, lastOperationId(item)]));
  const dependents = dependentsBy(decided, (item) => item.dependsOn);
  const former = dependentsBy(decided, (item) => item.dependedOn);
  const lastOf = new Map<string, string>();
  for (const item of decided) if (!item.removal) lastOf.set(item.address, lastOperationId(item));

  const freed = new Map<string, string>();
  const turns = new Turns();
  const released = releasedVolumes(decided);
  const kept = decided.filter((item) => !item.removal);
  const ordered = [...removals.filter(isWork), ...kept, ...removals.filter((item) => !isWork(item))];
  return ordered.flatMap((item) => {
    const first = item.removal
      ? // Whoever stands on it must have gone, or must have been moved off it, before.
        // A removal that frees something goes before what is changed, so it cannot wait for that.
        [
          ...(dependents.get(item.address) ?? []),
          ...(isWork(item) ? [] : (former.get(item.address) ?? [])),
        ].flatMap((address) => removing.get(address) ?? lastOf.get(address) ?? [])
      : item.dependsOn.flatMap((address) => lastOf.get(address) ?? []);
    const own = chain(item, unique([...first, ...turns.before(item)]), estimate);
    const operations = afterRelease(item, own, released);
    // Taken ports wait for whoever gives them up before in this order; later ones would make a ring.
    const after = item.takes.flatMap((port) => freed.get(port) ?? []);
    const release = releasing(item);
    if (release !== undefined)
      for (const port of item.frees) freed.set(port, operationId(item.address, release));
    if (after.length === 0) return operations;
    return operations.map((operation) => (TAKING.has(operation.step) ? { ...operation, after } : operation));
  });
}

/**
 * Rolling replacement: of a group that a strategy rules, only so many machines are away at a time. Each waits for the
 * ones before it but the nearest `maxUnavailable - 1`. Naming as many as may be away at a time is enough: those before
 * them are waited for by them, and whichever fails, the rest is skipped.
 */
class Turns {
  /** Group → last operations of the members so far that go away for a while. */
  readonly #groups = new Map<string, string[]>();

  /** Operations that a resource waits for. Called once for each, in order. */
  before(item: DecidedResource): readonly string[] {
    const { rolling, decision, removal } = item;
    if (rolling === undefined || removal) return [];
    if (decision.action !== "replace" && !decision.steps.includes("stop")) return [];
    const { group, maxUnavailable } = rolling;
    const members = this.#groups.get(group) ?? [];
    this.#groups.set(group, members);
    const end = Math.max(0, members.length - maxUnavailable + 1);
    members.push(lastOperationId(item));
    return members.slice(Math.max(0, end - maxUnavailable), end);
  }
}

/** Steps by which a machine begins to listen on its host ports. */
const TAKING: ReadonlySet<Step> = new Set(["start", "update"]);

/** By address of a volume: the operation after which the VM that had it has not. */
function releasedVolumes(decided: readonly DecidedResource[]): ReadonlyMap<string, string> {
  const released = new Map<string, string>();
  for (const { address, decision, releases, removal } of decided) {
    const step = removal
      ? decision.steps.find((one) => one === "stop" || one === "delete")
      : decision.steps.find((one) => one === "detach");
    if (step === undefined) continue;
    for (const volume of releases) released.set(volume, operationId(address, step));
  }
  return released;
}

/** Steps by which a VM gets its volumes; none of them may begin while another VM has one. */
const ATTACHING: ReadonlySet<Step> = new Set(["start", "update"]);

/** A VM takes a volume, and a volume goes to the trash, when nobody has it any more: a failure in that stops it. */
function afterRelease(
  item: DecidedResource,
  operations: Operation[],
  released: ReadonlyMap<string, string>,
): Operation[] {
  const attached = item.attaches.flatMap((volume) => released.get(volume) ?? []);
  const trashed = released.get(item.address);
  if (attached.length === 0 && trashed === undefined) return operations;
  return operations.map((operation) => {
    const more = ATTACHING.has(operation.step) ? attached : operation.step === "trash" ? [trashed ?? ""] : [];
    const own = more.filter((id) => id !== "" && id !== operation.id);
    return own.length === 0 ? operation : { ...operation, needs: unique([...operation.needs, ...own]) };
  });
}

/** The step after which a resource's given up ports are free. */
function releasing({ decision: { steps } }: DecidedResource): Step | undefined {
  return (
    steps.find((step) => step === "stop") ?? steps.find((step) => step === "update" || step === "delete")
  );
}

function dependentsBy(
  decided: readonly DecidedResource[],
  dependencies: (item: DecidedResource) => readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  for (const item of decided) {
    for (const dependency of dependencies(item)) {
      const list = dependents.get(dependency);
      if (list === undefined) dependents.set(dependency, [item.address]);
      else list.push(item.address);
    }
  }
  return dependents;
}

/** A removal that frees memory, ports and names of the host. A volume's waits until its VM has let go of it. */
function isWork(item: DecidedResource): boolean {
  return item.decision.steps.some((step) => step !== "forget" && step !== "trash");
}

function lastOperationId(item: DecidedResource): string {
  const last = dependentsWaitFor(item.decision.steps);
  return last === undefined ? "" : operationId(item.address, last);
}

/** Dependents wait until the resource is complete, not for the clearing away of what it replaced. */
function dependentsWaitFor(steps: readonly Step[]): Step | undefined {
  return steps.findLast((step) => step !== "retire") ?? steps.at(-1);
}

function operationId(address: string, step: Step): string {
  return `${address}:${step}`;
}

function chain(item: DecidedResource, first: readonly string[], estimate: Estimate): Operation[] {
  let needs = first.filter((id) => id !== "");
  const dependencies = needs;
  const { steps } = item.decision;
  // Letting go of volumes waits for nothing: what it depends on may be waiting for one of them.
  const early = steps.indexOf("detach");
  return steps.map((step, index) => {
    const id = operationId(item.address, step);
    const estimateMs = estimate(item.address, step);
    const operation: Operation = {
      id,
      address: item.address,
      action: item.decision.action,
      step,
      provider: item.provider,
      needs: index <= early ? needs.filter((one) => !dependencies.includes(one)) : needs,
      ...(estimateMs === undefined ? {} : { estimateMs }),
    };
    // The new machine serves once it is ready; the old one's way to the trash holds nobody up.
    if (step !== "retire") needs = index === early ? [id, ...dependencies] : [id];
    return operation;
  });
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
