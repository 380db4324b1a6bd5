/** What happens to an image or a role. */
import type { ImageObservation, ImageParent, ImagePin, ImageResolution } from "../../providers/provider.ts";
import type { ImageInputs, Resource } from "../config/types.ts";
import { isJsonObject } from "../json.ts";
import type { ResourceState } from "../state/types.ts";
import { formatSize } from "../units.ts";
import { changedFiles, onlyFiles } from "./changed-files.ts";
import { compareInputs } from "./compare-inputs.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { Action, AttributeChange, PlannedResource, Reason } from "./types.ts";

/** What is asked of an image beside its declaration. */
export interface ImageRequest {
  readonly upgrade: boolean;
  /** --replace names it. */
  readonly requested: boolean;
  readonly pin?: ImagePin | undefined;
  /** What a build stands on, as the plan leaves it. */
  readonly parent?: ImageParent | undefined;
}

/** A recorded image whose declaration, pin and bytes are as they were needs no look at its source. */
export function imageNeedsResolution(
  resource: Resource,
  recorded: ResourceState | undefined,
  observation: ImageObservation | undefined,
  options: ImageRequest,
): boolean {
  if (recorded === undefined || options.upgrade || options.requested) return true;
  if (observation !== undefined && observation.state !== "present") return true;
  if (recipeChanges(recorded, resource).length > 0) return true;
  return parentMoved(recorded, options.parent) || pinMoved(recorded, options.pin);
}

/** Changes of where the image comes from or what is done to it; not those of its login user or of how fast it is built. */
function recipeChanges(recorded: ResourceState, resource: Resource): AttributeChange[] {
  return compareInputs(recorded.inputs, resource.inputs).filter((change) => change.change !== "live");
}

/** A build stands on bytes: what it was called before, and by which recipe these were made, does not matter. */
function parentMoved(recorded: ResourceState, parent: ImageParent | undefined): boolean {
  return parent !== undefined && parent.digest !== recorded.attributes.parent;
}

/** What of a pin is the same on every host. */
const PINNED = ["checksum", "recipe", "catalogue"] as const;

/** Somebody else's upgrade came in with vmlab.lock. A bootstrap's bytes differ from host to host: no digest there. */
function pinMoved(recorded: ResourceState, pin: ImagePin | undefined): boolean {
  const before = recorded.attributes.pin;
  if (pin === undefined || !isJsonObject(before)) return false;
  if (before.source !== pin.source) return false;
  if (PINNED.some((key) => before[key] !== pin[key])) return true;
  // Of a build, the time from which on images count: somebody asked for today's packages.
  return pin.source.startsWith("build") && pin.release !== undefined && before.release !== pin.release;
}

/**
 * The recorded bytes are not in the store, or were touched there, and neither the declaration nor the pin nor the user
 * asks for others: the same are got again, and what stands on them stays.
 */
export function isLost(
  resource: Resource,
  recorded: ResourceState,
  observation: ImageObservation | undefined,
  resolution: ImageResolution,
  options: ImageRequest,
): boolean {
  if (options.upgrade || options.requested || pinMoved(recorded, options.pin)) return false;
  if (parentMoved(recorded, options.parent)) return false;
  if (observation === undefined || observation.state === "present") return false;
  const other = resolution.digest !== undefined && resolution.digest !== recorded.instance;
  return !other && recipeChanges(recorded, resource).length === 0;
}

export function decideImage(
  resource: Resource,
  recorded: ResourceState | undefined,
  observation: ImageObservation | undefined,
  resolution: ImageResolution | undefined,
  options: ImageRequest,
): Decision {
  const inputs = resource.inputs as ImageInputs;
  if (resolution === undefined) return userChange(resource, recorded);
  const planned: PlannedResource = {
    type: resource.type === "role" ? "role" : "image",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    generation: (recorded?.generation ?? 0) + 1,
    inputs,
    key: resolution.key,
    ...(resolution.digest === undefined || options.requested ? {} : { digest: resolution.digest }),
    ...(options.requested ? { fresh: true } : {}),
    ...(resolution.pin === undefined ? {} : { pin: resolution.pin }),
  };
  const notes = resolution.notes.map((text) => ({ address: resource.address, text }));
  const there = resolution.present && !options.requested;
  const action = obtainAction(inputs, there);
  const steps = ["obtain"] as const;
  const summary = obtainSummary(inputs, resolution, there);
  if (recorded === undefined) {
    return { ...NO_CHANGE, action, summary, reasons: [{ kind: "new" }], steps, planned, notes };
  }
  const attributes = recipeChanges(recorded, resource);
  const lost = observation !== undefined && observation.state !== "present";
  const moved =
    resolution.digest !== recorded.instance && !isLost(resource, recorded, observation, resolution, options);
  if (!moved && !lost && !options.requested) {
    if (attributes.length === 0) return userChange(resource, recorded);
    return {
      ...NO_CHANGE,
      action: "update",
      summary: "same bytes from elsewhere",
      reasons: reasonsOf(attributes),
      attributes,
      steps: ["record"],
      planned,
      notes,
    };
  }
  const reasons: Reason[] = reasonsOf(attributes);
  if (lost)
    reasons.push({
      kind: "drift",
      what: observation.state === "changed" ? observation.reason : "not in the store any more",
    });
  if (options.parent !== undefined && parentMoved(recorded, options.parent))
    reasons.push({ kind: "dependency", address: options.parent.address });
  if (options.requested) reasons.push({ kind: "requested", by: "--replace" });
  if (options.upgrade && reasons.length === 0) reasons.push({ kind: "requested", by: "--upgrade" });
  if (reasons.length === 0) reasons.push({ kind: "file", path: "vmlab.lock" });
  return {
    ...NO_CHANGE,
    action: moved || options.requested ? "replace" : action,
    summary: summary.startsWith("build ") ? `re${summary}` : summary,
    reasons,
    attributes,
    steps,
    planned,
    notes,
  };
}

function reasonsOf(attributes: readonly AttributeChange[]): Reason[] {
  const files = changedFiles(attributes);
  const changes = attributes
    // Where only the content of files differs, naming them says it all.
    .filter((change) => files.length === 0 || change.path.join(".") !== "build.steps" || !onlyFiles(change))
    .map((change): Reason => ({ kind: "attribute", path: change.path.join("."), change: "replace" }));
  return [...changes, ...files];
}

/** The login user and the like are only recorded: VMs take them when they are made. */
function userChange(resource: Resource, recorded: ResourceState | undefined): Decision {
  if (recorded === undefined) return NO_CHANGE;
  const attributes = compareInputs(recorded.inputs, resource.inputs);
  if (attributes.length === 0) return NO_CHANGE;
  const planned: PlannedResource = {
    type: resource.type === "role" ? "role" : "image",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    generation: recorded.generation,
    inputs: resource.inputs as ImageInputs,
    key: String(recorded.attributes.key ?? ""),
    ...(recorded.instance === undefined ? {} : { digest: recorded.instance }),
  };
  return {
    ...NO_CHANGE,
    action: "update",
    summary: attributes.map(describeChange).join(", "),
    reasons: attributes.map((change) => ({ kind: "attribute", path: change.path.join("."), change: "live" })),
    attributes,
    steps: ["record"],
    planned,
  };
}

function obtainAction(inputs: ImageInputs, there: boolean): Action {
  const made = inputs.source === "bootstrap" || inputs.source === "build";
  return made && !there ? "build" : "create";
}

function obtainSummary(inputs: ImageInputs, resolution: ImageResolution, there: boolean): string {
  if (there) return "already in the store";
  switch (inputs.source) {
    case "url":
      return resolution.download === undefined ? "download" : `download ${formatSize(resolution.download)}`;
    case "path":
      return `copy ${inputs.path}`;
    case "bootstrap":
      return `bootstrap ${inputs.bootstrap?.distribution} ${inputs.bootstrap?.suite}`;
    case "digest":
      return `use ${inputs.digest?.slice(0, 19)}`;
    case "build":
      return describeBuild(inputs);
  }
}

function describeBuild({ build }: ImageInputs): string {
  if (build === undefined) return "build";
  const what = build.use === undefined ? "" : `${build.use} `;
  const steps = build.steps.length === 1 ? "1 step" : `${build.steps.length} steps`;
  return `build ${what}on ${build.parent}, ${steps}`;
}
