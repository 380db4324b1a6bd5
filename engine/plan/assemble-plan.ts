/** Puts decisions together into the plan that people read and apply carries out. */
import { join } from "node:path";
import { LOCK_FILE } from "../config/lock-file.ts";
import { baseAddress, isImageType, type Resource, type SourceFile } from "../config/types.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { readHostConfig } from "../host/host-config.ts";
import type { JsonObject } from "../json.ts";
import type { ResourceState } from "../state/types.ts";
import { checkCapacity } from "./capacity-check.ts";
import { criticalPath } from "./critical-path.ts";
import type { DecidedLab } from "./decide-all.ts";
import { type Durations, durationKey, expectedBuild, expectedDuration, readDurations } from "./durations.ts";
import { hostProblems } from "./host-problems.ts";
import type { ExpandedLab, PlanBasis } from "./make-plan.ts";
import { type DecidedResource, makeOperations } from "./operations.ts";
import { pinProblems } from "./pins.ts";
import { renameHints } from "./rename-hints.ts";
import { scheduleLength } from "./schedule-length.ts";
import { withTextChanges } from "./text-changes.ts";
import type { Change, Operation, Plan, PlanNote, PlannedResource, Step } from "./types.ts";
import { PLAN_FORMAT } from "./types.ts";

/** Places in lab.toml are looked up for plans up to this size: finding them means parsing the file once more. */
const PLACES_SHOWN = 2000;

export async function assemblePlan(
  basis: PlanBasis,
  expanded: ExpandedLab,
  decided: DecidedLab,
): Promise<{ readonly plan: Plan; readonly diagnostics: readonly Diagnostic[] }> {
  const { workspace, options, state } = basis;
  const changing = decided.items.filter((item) => item.decision.action !== "no-op");
  const durations = changing.length === 0 ? {} : await readDurations(workspace.effects, workspace.home);
  const planned = new Map(
    changing.flatMap((item) => (item.decision.planned ? [[item.address, item.decision.planned]] : [])),
  );
  const items = new Map(changing.map((item) => [item.address, item]));
  const operations = makeOperations(changing, (address, step) =>
    estimateOf(durations, items.get(address), step),
  );
  const estimateMs = await expectedLength(basis, operations, planned);
  const download = downloadBytes(decided);
  const capacity = await checkCapacity(basis, decided, download);
  const lacking =
    options.mode === "normal" || options.mode === "build"
      ? await hostProblems(
          workspace.providers.vm,
          operations,
          Object.fromEntries(planned),
          workspace.lab.accel,
        )
      : [];
  const declared = new Map(expanded.expansion.resources.map((resource) => [resource.address, resource]));
  const plan: Plan = {
    format: PLAN_FORMAT,
    tool: workspace.tool,
    lab: workspace.lab.name,
    mode: options.mode,
    lineage: basis.lineage,
    basis: { serial: state?.serial ?? 0, journalSequence: state?.journalSequence ?? 0 },
    ...(state === undefined ? { sensitiveKey: basis.sensitiveKey } : {}),
    providers: providerVersions(basis),
    sources: await sourcesOf(basis, expanded),
    changes: await withTextChanges(basis, changesOf(basis, changing, operations, declared)),
    operations,
    resources: Object.fromEntries(planned),
    observations: decided.items.flatMap((item) => item.decision.observed ?? []),
    notes: [
      ...decided.items.flatMap((item) => item.decision.notes),
      ...(await storeNotes(basis, decided, planned)),
      ...checkNotes(basis, expanded),
      ...capacity.notes,
      ...renameHints(changing, state?.resources ?? {}),
    ],
    outputs: options.mode === "destroy" || options.mode === "build" ? [] : expanded.expansion.outputs,
    checks: options.mode === "normal" ? expanded.expansion.checks.deferred : [],
    values: expanded.expansion.values,
    needs: { ...capacity.needs, ...(download === 0 ? {} : { download }) },
    ...(estimateMs === undefined ? {} : { estimateMs }),
    dataLoss: decided.items.flatMap((item) => item.decision.dataLoss),
    unchanged: decided.items.length - changing.length,
    cleanup: options.cleanup,
  };
  return {
    plan,
    diagnostics: [
      ...lacking.map(asWarning),
      ...capacity.diagnostics,
      ...(options.frozen ? pinProblems(basis, plan) : []),
    ],
  };
}

function checkNotes({ options }: PlanBasis, { expansion }: ExpandedLab): PlanNote[] {
  if (options.mode !== "normal") return [];
  return expansion.checks.deferred.map(({ name }) => ({
    text: `the check "${name}" is evaluated at the end of apply`,
  }));
}

/** What the store has to say, of the images that this plan leaves as they are. */
async function storeNotes(
  { workspace, options, state, now }: PlanBasis,
  decided: DecidedLab,
  planned: ReadonlyMap<string, PlannedResource>,
): Promise<PlanNote[]> {
  if (options.mode !== "normal") return [];
  const kept = new Map<string, string>();
  for (const { address, removal } of decided.items) {
    const recorded = state?.resources[address];
    if (removal || planned.has(address) || recorded?.instance === undefined) continue;
    if (isImageType(recorded.type)) kept.set(address, recorded.instance);
  }
  return (await workspace.providers.image.notes(kept, now)).map((text) => ({ text }));
}

/**
 * A plan can be made where it cannot be applied: what is lacking can be installed. What the host cannot do at all
 * stays an error.
 */
function asWarning(diagnostic: Diagnostic): Diagnostic {
  return diagnostic.code === "host/no-nested-virtualization"
    ? diagnostic
    : { ...diagnostic, severity: "warning" };
}

function providerVersions(basis: PlanBasis): Record<string, string> {
  const { vm, image } = basis.workspace.providers;
  return { [vm.name]: vm.version, [image.name]: image.version };
}

/** Every file that the plan rests on, vmlab.lock included where there is one. */
async function sourcesOf(basis: PlanBasis, expanded: ExpandedLab): Promise<SourceFile[]> {
  const { workspace } = basis;
  const lock = join(workspace.folder, LOCK_FILE);
  const pinned = await workspace.effects.files.stat(lock);
  return [
    ...workspace.lab.sources,
    ...expanded.files,
    ...(pinned === undefined
      ? []
      : [{ path: LOCK_FILE, sha256: await workspace.effects.files.sha256(lock) }]),
  ];
}

function downloadBytes(decided: DecidedLab): number {
  let bytes = 0;
  for (const resolution of decided.resolutions.values())
    if (!resolution.present) bytes += resolution.download ?? 0;
  return bytes;
}

function estimateOf(durations: Durations, item: DecidedResource | undefined, step: Step): number | undefined {
  if (item === undefined) return undefined;
  const [type = ""] = item.address.split(".");
  const { planned } = item.decision;
  // Finding an image takes no time that matters, and says nothing about making it.
  if (isFound(planned)) return undefined;
  const subject = durationSubject(item.address, planned);
  const measured = expectedDuration(durations, durationKey(item.provider, type, step, subject));
  if (measured !== undefined || step !== "obtain" || planned === undefined) return measured;
  const builds = "build" in planned.inputs ? planned.inputs.build : undefined;
  return builds === undefined ? undefined : expectedBuild(durations, item.provider, builds.steps.length);
}

/** True for an image that is in the store already. */
export function isFound(planned: PlannedResource | undefined): boolean {
  return planned !== undefined && "digest" in planned && planned.digest !== undefined;
}

/** What the duration of an operation depends on. */
export function durationSubject(address: string, planned: PlannedResource | undefined): string {
  return planned?.type === "vm"
    ? baseAddress(planned.inputs).replace(/^image\./, "")
    : address.slice(address.indexOf(".") + 1);
}

function changesOf(
  basis: PlanBasis,
  changing: readonly DecidedResource[],
  operations: readonly Operation[],
  declared: ReadonlyMap<string, Resource>,
): Change[] {
  const { state } = basis;
  const items = new Map(changing.map((item) => [item.address, item]));
  const order = [...new Set(operations.map((operation) => operation.address))];
  const positions = new Map(order.map((address, index) => [address, index + 1]));
  const byAddress = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = byAddress.get(operation.address);
    if (list === undefined) byAddress.set(operation.address, [operation]);
    else list.push(operation);
  }
  const changes: Change[] = [];
  for (const address of order) {
    const item = items.get(address);
    if (item === undefined) continue;
    const own = byAddress.get(address) ?? [];
    const { decision } = item;
    const resource = declared.get(address);
    const recorded = state?.resources[address];
    const previous = basis.moved.get(address);
    const estimateMs = criticalPath(
      own.map((operation) => ({
        ...operation,
        needs: operation.needs.filter((id) => id.startsWith(`${address}:`)),
      })),
    );
    const place =
      resource !== undefined && order.length <= PLACES_SHOWN ? placeOf(basis, resource) : undefined;
    changes.push({
      address,
      type: decision.planned?.type ?? recorded?.type ?? "vm",
      name: address.slice(address.indexOf(".") + 1),
      ...(previous === undefined ? {} : { previousAddress: previous }),
      provider: item.provider,
      action: decision.action,
      summary: decision.summary,
      reasons: decision.reasons,
      attributes: decision.attributes,
      ...(recorded === undefined ? {} : { before: recorded.inputs }),
      ...afterOf(item, recorded),
      ...(place === undefined ? {} : { place }),
      ...(estimateMs === undefined ? {} : { estimateMs }),
      after_changes: waitsFor(address, own, positions),
    });
  }
  return changes;
}

/** Milliseconds that apply will take; undefined when nothing is known. */
async function expectedLength(
  { workspace, options }: PlanBasis,
  operations: readonly Operation[],
  planned: ReadonlyMap<string, PlannedResource>,
): Promise<number | undefined> {
  if (!operations.some(({ estimateMs }) => estimateMs !== undefined)) return undefined;
  const config = workspace.providers.vm.usesHost
    ? await readHostConfig(workspace.effects, workspace.home)
    : undefined;
  return scheduleLength(operations, {
    parallelism: options.parallelism,
    boots: config?.limits.parallelStarts,
    builds: config?.builds.parallel,
    isBuild: ({ address, step }) => {
      const inputs = planned.get(address)?.inputs;
      return step === "obtain" && inputs !== undefined && "build" in inputs && inputs.build !== undefined;
    },
  });
}

/** What a move alone leaves is what was there before. */
function afterOf({ decision, removal }: DecidedResource, recorded: ResourceState | undefined) {
  if (removal) return {};
  if (decision.planned !== undefined) return { after: decision.planned.inputs as unknown as JsonObject };
  return decision.action === "move" && recorded !== undefined ? { after: recorded.inputs } : {};
}

function placeOf(basis: PlanBasis, resource: Resource): string {
  const range = basis.workspace.lab.locate(resource.origin);
  return range === undefined ? resource.origin.file : `${range.file}:${range.start.line}`;
}

/** Numbers of the other changes that these operations wait for directly. */
function waitsFor(
  address: string,
  own: readonly Operation[],
  positions: ReadonlyMap<string, number>,
): number[] {
  const numbers = new Set<number>();
  for (const operation of own) {
    for (const id of operation.needs) {
      const other = id.slice(0, id.lastIndexOf(":"));
      const position = positions.get(other);
      if (other !== address && position !== undefined) numbers.add(position);
    }
  }
  return [...numbers].sort((a, b) => a - b);
}
