/** Decides every selected resource, in dependency order. */
import type { ImageResolution } from "../../providers/provider.ts";
import { forgottenAddresses } from "../config/removals.ts";
import { baseAddress, type ImageInputs, isImageType, type Resource, type VmInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { buildGraph, type DependencyGraph } from "../graph/dependency-graph.ts";
import { dependencyOrder } from "../graph/order.ts";
import { directions, globPattern, select } from "../graph/select.ts";
import type { ResourceState } from "../state/types.ts";
import { cloneProblem } from "./clone-problem.ts";
import { decideImage, type ImageRequest } from "./decide-image.ts";
import { decideImport } from "./decide-import.ts";
import { decideNetwork } from "./decide-network.ts";
import { decideForgetting, decideRemoval } from "./decide-removal.ts";
import { decideSecret } from "./decide-secret.ts";
import { decideVm } from "./decide-vm.ts";
import { decideVolume } from "./decide-volume.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { NO_PORTS, portMoves } from "./host-ports.ts";
import { cycleProblem, type ExpandedLab, type PlanBasis } from "./make-plan.ts";
import type { DecidedResource } from "./operations.ts";
import { protectionProblem } from "./protection.ts";
import { isRequested } from "./requests.ts";
import { type ImageCandidate, type ImageOutlook, ImageResolver } from "./resolve-images.ts";
import { smallDiskProblem } from "./small-disk.ts";
import { triggersOf } from "./triggers.ts";
import type { Reason } from "./types.ts";
import type { PlannedBase } from "./vm-situation.ts";
import { holderProblems } from "./volume-holders.ts";
import { NO_VOLUMES, volumeMoves } from "./volume-moves.ts";
import { withMove } from "./with-move.ts";

export interface DecidedLab {
  /** In dependency order; resources that stay as they are included. */
  readonly items: readonly DecidedResource[];
  readonly resolutions: ReadonlyMap<string, ImageResolution>;
  readonly diagnostics: readonly Diagnostic[];
}

/** One address with its declaration, its record, or both. */
interface Candidate {
  readonly address: string;
  readonly resource: Resource | undefined;
  readonly recorded: ResourceState | undefined;
  readonly dependsOn: readonly string[];
  readonly environment: Resource["environment"];
}

export async function decideAll(
  basis: PlanBasis,
  expanded: ExpandedLab,
  signal: AbortSignal | undefined,
): Promise<DecidedLab> {
  const { options } = basis;
  const candidates = candidatesOf(basis, expanded);
  const graph = buildGraph(candidates.values());
  const order = dependencyOrder(graph);
  const nothing = { items: [], resolutions: new Map() };
  if (order.type === "cycle") {
    return { ...nothing, diagnostics: [cycleProblem(order.addresses, expanded.expansion.resources)] };
  }
  const leaves = (address: string) => candidates.get(address)?.resource === undefined;
  const selection = select([...candidates.values()], options, directions(graph, leaves));
  const diagnostics = [...selection.unmatched.map(unmatchedProblem), ...unknownRequests(basis, candidates)];
  if (diagnostics.length > 0) return { ...nothing, diagnostics };

  const chosen: Candidate[] = [];
  for (const address of order.addresses) {
    const candidate = candidates.get(address);
    if (candidate !== undefined && selection.selected.has(address)) chosen.push(candidate);
  }
  const needed =
    options.mode === "build" ? new Set(chosen.map(({ address }) => address)) : neededImages(chosen, graph);
  const resolver = new ImageResolver(basis, imageCandidates(candidates), signal);
  const images = await lookAtImages(resolver, basis, chosen, needed);
  diagnostics.push(...resolver.diagnostics);
  // A move is made also when the resource is no target: the state has one address for it, not two.
  const left = [...basis.moved.keys()].flatMap((address) =>
    selection.selected.has(address) ? [] : (candidates.get(address) ?? []),
  );
  const decided = new Map<string, DecidedResource>();
  // Volumes come before the VMs that have them.
  const renewed = new Set<string>();
  const view: LabView = { candidates, images, renewed, decided };
  const items = [...left, ...chosen].map((candidate): DecidedResource => {
    const own = left.includes(candidate) ? NO_CHANGE : decide(basis, candidate, view);
    const from = basis.moved.get(candidate.address);
    const decision = from === undefined ? own : withMove(own, from);
    diagnostics.push(...decision.diagnostics);
    if (candidate.resource?.type === "volume" && decision.action === "replace")
      renewed.add(candidate.address);
    const blocked = protectionProblem(candidate.address, decision, candidate.resource, candidate.recorded);
    if (blocked !== undefined) diagnostics.push(blocked);
    const item: DecidedResource = {
      address: candidate.address,
      provider: candidate.resource?.provider ?? candidate.recorded?.provider ?? "",
      decision,
      dependsOn: candidate.dependsOn,
      dependedOn: candidate.recorded?.dependsOn ?? [],
      removal: removes(basis, candidate),
      ...(candidate.resource?.rolling === undefined ? {} : { rolling: candidate.resource.rolling }),
      ...(decision.steps.length === 0
        ? { ...NO_PORTS, ...NO_VOLUMES }
        : {
            ...portMoves(candidate.recorded?.inputs, decision.planned?.inputs),
            ...volumeMoves(candidate.recorded?.inputs, decision.planned?.inputs, renewed),
          }),
    };
    decided.set(item.address, item);
    return item;
  });
  diagnostics.push(...holderProblems(items, basis.state));
  const resolutions = new Map(
    [...images].flatMap(([address, { outlook }]) =>
      outlook?.resolution === undefined ? [] : [[address, outlook.resolution] as const],
    ),
  );
  return { items, resolutions, diagnostics };
}

function imageCandidates(candidates: ReadonlyMap<string, Candidate>): Map<string, ImageCandidate> {
  const images = new Map<string, ImageCandidate>();
  for (const { address, resource, recorded } of candidates.values()) {
    if (resource !== undefined && isImageType(resource.type)) images.set(address, { resource, recorded });
  }
  return images;
}

function candidatesOf(basis: PlanBasis, expanded: ExpandedLab): Map<string, Candidate> {
  const recorded = basis.state?.resources ?? {};
  const candidates = new Map<string, Candidate>();
  if (basis.options.mode === "build") {
    for (const resource of expanded.expansion.resources) {
      const { address, dependsOn, environment } = resource;
      if (!isImageType(resource.type)) continue;
      candidates.set(address, { address, resource, recorded: recorded[address], dependsOn, environment });
    }
    return candidates;
  }
  if (basis.options.mode !== "destroy") {
    for (const resource of expanded.expansion.resources) {
      const { address, dependsOn, environment } = resource;
      candidates.set(address, { address, resource, recorded: recorded[address], dependsOn, environment });
    }
  }
  for (const record of inOrderOfNumbers(Object.values(recorded))) {
    const { address, dependsOn, environment } = record;
    if (!candidates.has(address)) {
      candidates.set(address, { address, resource: undefined, recorded: record, dependsOn, environment });
    }
  }
  return candidates;
}

/** The records, those of one counted VM by number: they are deleted from the highest down. */
function inOrderOfNumbers(records: readonly ResourceState[]): readonly ResourceState[] {
  const counted = new Map<string, ResourceState[]>();
  const groupOf = ({ environment: member }: ResourceState): string | undefined =>
    typeof member?.key === "number" ? `${member.environment ?? ""}.${member.member}` : undefined;
  for (const record of records) {
    const group = groupOf(record);
    if (group === undefined) continue;
    const list = counted.get(group);
    if (list === undefined) counted.set(group, [record]);
    else list.push(record);
  }
  for (const list of counted.values())
    list.sort((a, b) => Number(b.environment?.key) - Number(a.environment?.key));
  // Each place that one of them has goes to the next by number; taken from the end.
  return records.map((record) => counted.get(groupOf(record) ?? "")?.pop() ?? record);
}

function removes(basis: PlanBasis, candidate: Candidate): boolean {
  return candidate.resource === undefined && basis.options.mode !== "refresh-only";
}

function unmatchedProblem(selector: string): Diagnostic {
  return problem({
    code: "plan/no-such-target",
    summary: `"${selector}" matches nothing in lab.toml or the state`,
    hint: "Targets are addresses such as vm.web, globs such as vm.k8s-* and environment.NAME; `vmlab state list` shows addresses.",
  });
}

function unknownRequests(basis: PlanBasis, candidates: ReadonlyMap<string, Candidate>): Diagnostic[] {
  const { replace, upgrade } = basis.options;
  const named = [...replace, ...(typeof upgrade === "string" ? [] : upgrade)];
  return named
    .filter((glob) => ![...candidates.keys()].some((address) => globPattern(glob).test(address)))
    .map(unmatchedProblem);
}

/** Images are made when a VM needs them, directly or below another image, not for being declared. */
function neededImages(chosen: readonly Candidate[], graph: DependencyGraph): ReadonlySet<string> {
  const needed = new Set<string>();
  const need = (address: string): void => {
    for (const below of graph.successors(address) ?? []) {
      if (needed.has(below) || !/^(image|role)\./.test(below)) continue;
      needed.add(below);
      need(below);
    }
  };
  for (const candidate of chosen) if (candidate.resource?.type === "vm") need(candidate.address);
  return needed;
}

/** Looks at all images that something needs or that are recorded. */
async function lookAtImages(
  resolver: ImageResolver,
  basis: PlanBasis,
  chosen: readonly Candidate[],
  needed: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ImageView>> {
  const views = new Map<string, ImageView>();
  if (basis.options.mode !== "normal" && basis.options.mode !== "build") return views;
  // Most of a big lab is VMs: only what is an image is waited for.
  const images = chosen.filter(
    ({ address, resource, recorded }) =>
      resource !== undefined && isImageType(resource.type) && (needed.has(address) || recorded !== undefined),
  );
  await Promise.all(
    images.map(async ({ address, resource }) => {
      if (resource === undefined) return;
      const [outlook, parent] = [await resolver.outlook(address), await resolver.parent(resource)];
      views.set(address, { outlook, request: resolver.request(address, parent) });
    }),
  );
  return views;
}

interface ImageView {
  readonly outlook: ImageOutlook | undefined;
  readonly request: ImageRequest;
}

/** What the rest of the lab means for one resource. */
interface LabView {
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly images: ReadonlyMap<string, ImageView>;
  /** Addresses of volumes that are made anew. */
  readonly renewed: ReadonlySet<string>;
  /** What comes before it. */
  readonly decided: ReadonlyMap<string, DecidedResource>;
}

function decide(
  basis: PlanBasis,
  candidate: Candidate,
  { candidates, images, renewed, decided }: LabView,
): Decision {
  const { address, resource, recorded } = candidate;
  const { options, reality } = basis;
  const foreign = foreignProvider(basis, candidate);
  if (foreign !== undefined) return { ...NO_CHANGE, diagnostics: [foreign] };
  const observation = reality.vms.get(recorded?.instance ?? "");
  const volume = reality.volumes.get(recorded?.instance ?? "");
  if (resource === undefined) {
    if (recorded === undefined || options.mode === "refresh-only") return NO_CHANGE;
    const reason: Reason =
      options.mode === "destroy" ? { kind: "requested", by: "destroy" } : { kind: "removed" };
    return forgottenAddresses(basis.workspace.lab).has(address)
      ? decideForgetting(recorded, reason)
      : decideRemoval(recorded, recorded.type === "volume" ? volume : observation, reason);
  }
  const asked = isRequested(options.replace, address);
  switch (resource.type) {
    case "secret":
      return options.mode === "refresh-only" ? NO_CHANGE : decideSecret(resource, recorded, asked);
    case "network": {
      if (options.mode === "refresh-only") return NO_CHANGE;
      const id = recorded?.instance;
      return decideNetwork(resource, recorded, id === undefined ? undefined : reality.networks?.has(id));
    }
    case "volume":
      if (options.mode === "refresh-only") return NO_CHANGE;
      return decideVolume({ resource, recorded, observation: volume, requested: asked });
    case "image":
    case "role": {
      const view = images.get(address);
      if (view?.outlook === undefined) return NO_CHANGE;
      const observed = reality.images.get(recorded?.instance ?? "");
      return decideImage(resource, recorded, observed, view.outlook.resolution, view.request);
    }
    case "vm": {
      const base = baseOf(resource, recorded, candidates, images);
      const machine = basis.imports.get(address);
      const triggers = triggersOf(resource, recorded, decided, basis.state?.resources ?? {});
      const now = basis.now;
      const situation = { resource, recorded, observation, base, renewed, requested: asked, triggers, now };
      const decision =
        machine === undefined || recorded !== undefined
          ? decideVm(situation)
          : decideImport(situation, machine);
      if (options.mode === "refresh-only") return observedOnly(decision);
      const problems = [
        smallDiskProblem(basis.workspace, resource, decision, base),
        cloneProblem(resource, decision, (source) => candidates.get(source)?.resource !== undefined),
      ].filter((one) => one !== undefined);
      return problems.length === 0
        ? decision
        : { ...decision, diagnostics: [...decision.diagnostics, ...problems] };
    }
  }
}

/** A machine that another provider made cannot be seen, changed or removed by this one. */
function foreignProvider(basis: PlanBasis, { address, recorded }: Candidate): Diagnostic | undefined {
  const { name } = basis.workspace.providers.vm;
  if (recorded?.type !== "vm" || recorded.provider === name) return undefined;
  return problem({
    code: "plan/other-provider",
    address,
    summary: `${address} was made by provider "${recorded.provider}", and lab.provider is "${name}"`,
    detail: "It would be lost sight of.",
    hint: `Set lab.provider = "${recorded.provider}" and destroy it first.`,
  });
}

/** The image of a VM as the plan leaves it. */
function baseOf(
  vm: Resource,
  recorded: ResourceState | undefined,
  candidates: ReadonlyMap<string, Candidate>,
  images: ReadonlyMap<string, ImageView>,
): PlannedBase {
  const address = baseAddress(vm.inputs as VmInputs);
  const image = candidates.get(address);
  const outlook = images.get(address)?.outlook;
  const inputs = image?.resource?.inputs as ImageInputs | undefined;
  const { user = "vmlab" } = inputs ?? {};
  const requires = inputs?.build?.requires ?? [];
  // A clone stands on what its source stood on, whatever has become of that image since.
  if ((vm.inputs as VmInputs).clone !== undefined) {
    const digest = recorded?.attributes.base;
    const known = typeof digest === "string" ? digest : undefined;
    return { address, digest: known, restored: false, user, requires };
  }
  if (outlook === undefined)
    return { address, digest: image?.recorded?.instance, restored: false, user, requires };
  const { digest, restored, size } = outlook;
  return { address, digest, restored, user, requires, ...(size === undefined ? {} : { size }) };
}

/** What refresh-only keeps of a decision: what was found, told as notes. */
function observedOnly(decision: Decision): Decision {
  const drift = decision.reasons.filter((reason) => reason.kind === "drift");
  const address = decision.planned?.address;
  return {
    ...NO_CHANGE,
    notes: [
      ...decision.notes,
      ...drift.map((reason) => ({ ...(address === undefined ? {} : { address }), text: reason.what })),
    ],
    ...(decision.observed === undefined ? {} : { observed: decision.observed }),
  };
}
