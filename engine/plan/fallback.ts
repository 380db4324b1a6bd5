/** VMs whose role's image is not in the store, and what they asked to happen then (`on_missing_image`). */
import {
  type BuildInputs,
  type ImageInputs,
  isImageType,
  type Resource,
  type VmInputs,
} from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { ExpandedLab, PlanBasis } from "./make-plan.ts";
import { isRequested, isUpgraded } from "./requests.ts";
import { type ImageCandidate, ImageResolver } from "./resolve-images.ts";
import type { PlanNote } from "./types.ts";

export interface Fallbacks {
  /** The lab with VMs moved to the images below, and without the images that nothing needs any more. */
  readonly expanded: ExpandedLab;
  readonly notes: readonly PlanNote[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Looks into the store for the roles of VMs that do not simply have them built. Writes nothing. */
export async function chooseFallbacks(
  basis: PlanBasis,
  expanded: ExpandedLab,
  signal: AbortSignal | undefined,
): Promise<Fallbacks> {
  const { resources } = expanded.expansion;
  const asking = resources.filter((resource) => policyOf(resource) !== "build");
  if (asking.length === 0 || basis.options.mode !== "normal") return { expanded, notes: [], diagnostics: [] };
  const resolver = new ImageResolver(basis, candidatesOf(basis, resources), signal);
  const byAddress = new Map(resources.map((resource) => [resource.address, resource]));
  const built = neededBy(
    resources.filter((resource) => policyOf(resource) === "build"),
    byAddress,
  );
  const moved = new Map<string, Resource>();
  const notes: PlanNote[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const vm of asking) {
    const inputs = vm.inputs as VmInputs;
    const role = `role.${inputs.role}`;
    const kept = keptFallback(basis, vm);
    if (kept === undefined) {
      if (built.has(role) || wantsBuild(basis, vm, role) || (await isPresent(resolver, role))) continue;
    }
    if (inputs.on_missing_image === "error") {
      diagnostics.push(missing(vm, role));
      continue;
    }
    const chain = await chainBelow(resolver, byAddress, role, kept);
    if (chain === undefined) continue;
    moved.set(vm.address, onTheImageBelow(vm, role, chain));
    notes.push(noteOf(vm, role, chain.base));
  }
  diagnostics.push(...resolver.diagnostics);
  return { expanded: withMoved(expanded, moved, byAddress), notes, diagnostics };
}

/** Only a VM with a role can miss its image in this sense; a base image is always obtained. */
function policyOf(resource: Resource): NonNullable<VmInputs["on_missing_image"]> {
  return (resource.type === "vm" && (resource.inputs as VmInputs).on_missing_image) || "build";
}

/** The image of a choice made before: it stays until --upgrade or --replace, whatever is in the store by then. */
function keptFallback({ state, options }: PlanBasis, vm: Resource): string | undefined {
  const { fallback, role: recorded } = state?.resources[vm.address]?.inputs ?? {};
  const { role, on_missing_image } = vm.inputs as VmInputs;
  const stays =
    on_missing_image === "fallback" &&
    recorded === role &&
    !isUpgraded(options, vm.address) &&
    !isUpgraded(options, `role.${role}`) &&
    !isRequested(options.replace, vm.address) &&
    !isRequested(options.replace, `role.${role}`);
  return stays && typeof fallback === "string" ? fallback : undefined;
}

/** Who names the role asks for its image; --upgrade of a VM that there is, for the one that its role has then. */
function wantsBuild({ state, options }: PlanBasis, vm: Resource, role: string): boolean {
  const { upgrade, replace } = options;
  if (isRequested(replace, role) || (upgrade !== "all" && isUpgraded(options, role))) return true;
  const { role: name, on_missing_image } = vm.inputs as VmInputs;
  const there = state?.resources[vm.address]?.inputs.role === name;
  return there && on_missing_image === "fallback" && isUpgraded(options, vm.address);
}

async function isPresent(resolver: ImageResolver, address: string): Promise<boolean> {
  const outlook = await resolver.outlook(address);
  return outlook?.digest !== undefined && outlook.resolution?.present !== false;
}

/** An image below with the recipes from there on, lowest first. */
interface Chain {
  readonly base: string;
  readonly builds: readonly BuildInputs[];
}

/** Down to the image of an earlier choice, else to the nearest that is in the store or is no build. */
async function chainBelow(
  resolver: ImageResolver,
  byAddress: ReadonlyMap<string, Resource>,
  role: string,
  kept: string | undefined,
): Promise<Chain | undefined> {
  const buildOf = (address: string) => (byAddress.get(address)?.inputs as ImageInputs | undefined)?.build;
  const builds: BuildInputs[] = [];
  const keeps = kept !== undefined && standsOn(kept, role, buildOf);
  let address = role;
  for (;;) {
    const build = buildOf(address);
    if (build === undefined) return byAddress.has(address) ? { base: address, builds } : undefined;
    const here = keeps ? address === kept : address !== role && (await isPresent(resolver, address));
    if (here) return { base: address, builds };
    builds.unshift(build);
    address = build.parent;
  }
}

/** Whether an image is below a role. */
function standsOn(
  image: string,
  role: string,
  buildOf: (address: string) => BuildInputs | undefined,
): boolean {
  let below = buildOf(role)?.parent;
  while (below !== undefined && below !== image) below = buildOf(below)?.parent;
  return below === image;
}

function onTheImageBelow(vm: Resource, role: string, { base, builds }: Chain): Resource {
  const inputs = vm.inputs as VmInputs;
  return {
    ...vm,
    inputs: {
      ...inputs,
      fallback: base,
      steps: [...builds.flatMap(({ steps }) => steps), ...inputs.steps],
    },
    dependsOn: [base, ...vm.dependsOn.filter((address) => address !== role)],
  };
}

function withMoved(
  expanded: ExpandedLab,
  moved: ReadonlyMap<string, Resource>,
  byAddress: ReadonlyMap<string, Resource>,
): ExpandedLab {
  if (moved.size === 0) return expanded;
  const { expansion } = expanded;
  const resources = expansion.resources.map((resource) => moved.get(resource.address) ?? resource);
  const needed = neededBy(resources, byAddress);
  const kept = (resource: Resource) => !isImageType(resource.type) || needed.has(resource.address);
  return {
    ...expanded,
    expansion: {
      ...expansion,
      resources: resources.filter(kept),
      unneeded: [...(expansion.unneeded ?? []), ...resources.filter((resource) => !kept(resource))],
    },
  };
}

/** Images that VMs stand on, directly or through others. */
function neededBy(
  resources: readonly Resource[],
  byAddress: ReadonlyMap<string, Resource>,
): ReadonlySet<string> {
  const needed = new Set<string>();
  const need = (address: string): void => {
    const resource = byAddress.get(address);
    if (resource === undefined || !isImageType(resource.type) || needed.has(address)) return;
    needed.add(address);
    for (const below of resource.dependsOn) need(below);
  };
  for (const resource of resources) {
    if (resource.type === "vm") for (const address of resource.dependsOn) need(address);
  }
  return needed;
}

function candidatesOf(basis: PlanBasis, resources: readonly Resource[]): Map<string, ImageCandidate> {
  return new Map(
    resources
      .filter((resource) => isImageType(resource.type))
      .map((resource) => [
        resource.address,
        { resource, recorded: basis.state?.resources[resource.address] },
      ]),
  );
}

function noteOf(vm: Resource, role: string, base: string): PlanNote {
  return {
    address: vm.address,
    text: `stands on ${base} and carries out the steps of ${role} itself; \`vmlab apply --upgrade ${vm.address}\` builds ${role} and replaces it`,
  };
}

function missing(vm: Resource, role: string): Diagnostic {
  return problem({
    code: "plan/image-missing",
    address: vm.address,
    summary: `the image of ${role}, on which ${vm.address} stands, is not in the store`,
    detail: 'on_missing_image = "error" refuses to build it as part of a plan.',
    hint: `Build it with \`vmlab images build ${role}\`, or set on_missing_image to "build" or "fallback".`,
  });
}
