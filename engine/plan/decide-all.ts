/** Decides every selected resource, in dependency order. */
import type { ImageResolution } from "../../providers/provider.ts";
import type { ImageInputs, Resource, VmInputs } from "../config/types.ts";
import { type Diagnostic, isDiagnosticsError, problem } from "../diagnostics.ts";
import { buildGraph, type DependencyGraph } from "../graph/dependency-graph.ts";
import { dependencyOrder } from "../graph/order.ts";
import { directions, globPattern, select } from "../graph/select.ts";
import type { ResourceState } from "../state/types.ts";
import { decideImage, imageNeedsResolution, isLost } from "./decide-image.ts";
import { decideRemoval } from "./decide-removal.ts";
import { decideSecret } from "./decide-secret.ts";
import { decideVm, type PlannedBase } from "./decide-vm.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { NO_PORTS, portMoves } from "./host-ports.ts";
import { cycleProblem, type ExpandedLab, type PlanBasis } from "./make-plan.ts";
import type { DecidedResource } from "./operations.ts";
import { protectionProblem } from "./protection.ts";
import type { Reason } from "./types.ts";

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
  const needed = neededImages(chosen, graph);
  const resolutions = await resolveImages(basis, chosen, needed, diagnostics, signal);
  const bases = new Map<string, PlannedBase>();
  const items = chosen.map((candidate): DecidedResource => {
    const decision = decide(basis, candidate, candidates, resolutions, bases, needed);
    diagnostics.push(...decision.diagnostics);
    const blocked = protectionProblem(candidate.address, decision, candidate.resource, candidate.recorded);
    if (blocked !== undefined) diagnostics.push(blocked);
    return {
      address: candidate.address,
      provider: candidate.resource?.provider ?? candidate.recorded?.provider ?? "",
      decision,
      dependsOn: candidate.dependsOn,
      dependedOn: candidate.recorded?.dependsOn ?? [],
      removal: removes(basis, candidate),
      ...(decision.steps.length === 0
        ? NO_PORTS
        : portMoves(candidate.recorded?.inputs, decision.planned?.inputs)),
    };
  });
  return { items, resolutions, diagnostics };
}

function candidatesOf(basis: PlanBasis, expanded: ExpandedLab): Map<string, Candidate> {
  const recorded = basis.state?.resources ?? {};
  const candidates = new Map<string, Candidate>();
  if (basis.options.mode !== "destroy") {
    for (const resource of expanded.expansion.resources) {
      const { address, dependsOn, environment } = resource;
      candidates.set(address, { address, resource, recorded: recorded[address], dependsOn, environment });
    }
  }
  for (const record of Object.values(recorded)) {
    const { address, dependsOn, environment } = record;
    if (!candidates.has(address)) {
      candidates.set(address, { address, resource: undefined, recorded: record, dependsOn, environment });
    }
  }
  return candidates;
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

function requested(list: readonly string[], address: string): boolean {
  return list.some((glob) => globPattern(glob).test(address));
}

function upgrades(basis: PlanBasis, address: string): boolean {
  const { upgrade } = basis.options;
  return upgrade === "all" || (upgrade !== "none" && requested(upgrade, address));
}

/** Images are made when a VM needs them, not for being declared. */
function neededImages(chosen: readonly Candidate[], graph: DependencyGraph): ReadonlySet<string> {
  const needed = new Set<string>();
  for (const candidate of chosen) {
    if (candidate.resource?.type !== "vm") continue;
    for (const address of graph.successors(candidate.address) ?? [])
      if (address.startsWith("image.")) needed.add(address);
  }
  return needed;
}

async function resolveImages(
  basis: PlanBasis,
  chosen: readonly Candidate[],
  needed: ReadonlySet<string>,
  diagnostics: Diagnostic[],
  signal: AbortSignal | undefined,
): Promise<Map<string, ImageResolution>> {
  const { workspace, lineage, pins, reality, options } = basis;
  const resolutions = new Map<string, ImageResolution>();
  if (options.mode !== "normal") return resolutions;
  const resolve = async (resource: Resource, recorded: ResourceState | undefined): Promise<void> => {
    const pin = pins[resource.name];
    const upgrade = upgrades(basis, resource.address);
    const observation = reality.images.get(recorded?.instance ?? "");
    const asked = { upgrade, requested: requested(options.replace, resource.address), pin };
    if (!imageNeedsResolution(resource, recorded, observation, asked)) return;
    try {
      const resolution = await workspace.providers.image.resolve(
        {
          name: resource.name,
          lab: { name: workspace.lab.name, lineage, folder: workspace.folder },
          inputs: resource.inputs as ImageInputs,
          offline: workspace.lab.offline,
          ...(pin === undefined ? {} : { pin }),
        },
        { upgrade, ...(signal === undefined ? {} : { signal }) },
      );
      resolutions.set(resource.address, resolution);
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      diagnostics.push(...error.diagnostics);
    }
  };
  await Promise.all(
    chosen.flatMap(({ resource, recorded }) =>
      resource?.type === "image" && (needed.has(resource.address) || recorded !== undefined)
        ? [resolve(resource, recorded)]
        : [],
    ),
  );
  return resolutions;
}

function decide(
  basis: PlanBasis,
  candidate: Candidate,
  candidates: ReadonlyMap<string, Candidate>,
  resolutions: ReadonlyMap<string, ImageResolution>,
  bases: Map<string, PlannedBase>,
  needed: ReadonlySet<string>,
): Decision {
  const { address, resource, recorded } = candidate;
  const { options, reality } = basis;
  const foreign = foreignProvider(basis, candidate);
  if (foreign !== undefined) return { ...NO_CHANGE, diagnostics: [foreign] };
  const observation = reality.vms.get(recorded?.instance ?? "");
  if (resource === undefined) {
    if (recorded === undefined || options.mode === "refresh-only") return NO_CHANGE;
    const reason: Reason =
      options.mode === "destroy" ? { kind: "requested", by: "destroy" } : { kind: "removed" };
    return decideRemoval(recorded, observation, reason);
  }
  const asked = requested(options.replace, address);
  switch (resource.type) {
    case "secret":
      return options.mode === "refresh-only" ? NO_CHANGE : decideSecret(resource, recorded, asked);
    case "image": {
      if (options.mode === "refresh-only") return NO_CHANGE;
      if (recorded === undefined && !needed.has(address)) return NO_CHANGE;
      return decideImage(
        resource,
        recorded,
        reality.images.get(recorded?.instance ?? ""),
        resolutions.get(address),
        {
          upgrade: upgrades(basis, address),
          requested: asked,
          pin: basis.pins[resource.name],
        },
      );
    }
    case "vm": {
      const base = baseOf(basis, resource, candidates, resolutions, bases);
      const situation = { resource, recorded, observation, base, requested: asked, now: basis.now };
      const decision = decideVm(situation);
      return options.mode === "refresh-only" ? observedOnly(decision) : decision;
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

/** The image of a VM as the plan leaves it, worked out once an image. */
function baseOf(
  basis: PlanBasis,
  vm: Resource,
  candidates: ReadonlyMap<string, Candidate>,
  resolutions: ReadonlyMap<string, ImageResolution>,
  bases: Map<string, PlannedBase>,
): PlannedBase {
  const address = `image.${(vm.inputs as VmInputs).image}`;
  const known = bases.get(address);
  if (known !== undefined) return known;
  const image = candidates.get(address);
  const resolution = resolutions.get(address);
  const renewed = requested(basis.options.replace, address);
  const restored = resolution !== undefined && image !== undefined && isRestored(basis, image, resolution);
  const digest =
    resolution === undefined || restored
      ? image?.recorded?.instance
      : renewed
        ? undefined
        : resolution.digest;
  const user = (image?.resource?.inputs as ImageInputs | undefined)?.user ?? "vmlab";
  const base = { address, digest, restored, user };
  bases.set(address, base);
  return base;
}

/** The image was lost or touched in the store, and nothing asks for another one. */
function isRestored(basis: PlanBasis, image: Candidate, resolution: ImageResolution): boolean {
  const { resource, recorded, address } = image;
  if (resource === undefined || recorded === undefined) return false;
  return isLost(resource, recorded, basis.reality.images.get(recorded.instance ?? ""), resolution, {
    upgrade: upgrades(basis, address),
    requested: requested(basis.options.replace, address),
    pin: basis.pins[resource.name],
  });
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
