/** What happens to a base image. */
import type { ImageObservation, ImagePin, ImageResolution } from "../../providers/provider.ts";
import type { ImageInputs, Resource } from "../config/types.ts";
import { isJsonObject } from "../json.ts";
import type { ResourceState } from "../state/types.ts";
import { formatSize } from "../units.ts";
import { compareInputs } from "./compare-inputs.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { Action, PlannedResource, Reason } from "./types.ts";

/** What is asked of an image beside its declaration. */
export interface ImageRequest {
  readonly upgrade: boolean;
  /** --replace names it. */
  readonly requested: boolean;
  readonly pin?: ImagePin | undefined;
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
  return pinMoved(recorded, options.pin);
}

/** Changes of where the image comes from; the login user is not part of that. */
function recipeChanges(recorded: ResourceState, resource: Resource) {
  return compareInputs(recorded.inputs, resource.inputs).filter((change) => change.path[0] !== "user");
}

/** Somebody else's upgrade came in with vmlab.lock. A bootstrap's bytes differ from host to host: no digest there. */
function pinMoved(recorded: ResourceState, pin: ImagePin | undefined): boolean {
  const before = recorded.attributes.pin;
  if (pin === undefined || !isJsonObject(before)) return false;
  return before.source === pin.source && (before.checksum !== pin.checksum || before.recipe !== pin.recipe);
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
    type: "image",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    generation: (recorded?.generation ?? 0) + 1,
    inputs,
    key: resolution.key,
    ...(resolution.digest === undefined ? {} : { digest: resolution.digest }),
    ...(resolution.pin === undefined ? {} : { pin: resolution.pin }),
  };
  const notes = resolution.notes.map((text) => ({ address: resource.address, text }));
  const action = obtainAction(inputs, resolution);
  const steps = ["obtain"] as const;
  const summary = obtainSummary(inputs, resolution);
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
  if (options.requested) reasons.push({ kind: "requested", by: "--replace" });
  if (options.upgrade && reasons.length === 0) reasons.push({ kind: "requested", by: "--upgrade" });
  if (reasons.length === 0) reasons.push({ kind: "file", path: "vmlab.lock" });
  return {
    ...NO_CHANGE,
    action: moved || options.requested ? "replace" : action,
    summary,
    reasons,
    attributes,
    steps,
    planned,
    notes,
  };
}

function reasonsOf(attributes: readonly { readonly path: readonly string[] }[]): Reason[] {
  return attributes.map((change) => ({ kind: "attribute", path: change.path.join("."), change: "replace" }));
}

/** The login user is only recorded: VMs take it when they are made. */
function userChange(resource: Resource, recorded: ResourceState | undefined): Decision {
  if (recorded === undefined) return NO_CHANGE;
  const attributes = compareInputs(recorded.inputs, resource.inputs);
  if (attributes.length === 0) return NO_CHANGE;
  const planned: PlannedResource = {
    type: "image",
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

function obtainAction(inputs: ImageInputs, resolution: ImageResolution): Action {
  return inputs.source === "bootstrap" && !resolution.present ? "build" : "create";
}

function obtainSummary(inputs: ImageInputs, resolution: ImageResolution): string {
  if (resolution.present) return "already in the store";
  switch (inputs.source) {
    case "url":
      return resolution.download === undefined ? "download" : `download ${formatSize(resolution.download)}`;
    case "path":
      return `copy ${inputs.path}`;
    case "bootstrap":
      return `bootstrap ${inputs.bootstrap?.distribution} ${inputs.bootstrap?.suite}`;
    case "digest":
      return `use ${inputs.digest?.slice(0, 19)}`;
  }
}
