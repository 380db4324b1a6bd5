/** What happens to a volume: made empty once, grown where it is, and made anew only with a word about its data. */
import type { VolumeObservation } from "../../providers/provider.ts";
import type { Resource, VolumeInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { ResourceState } from "../state/types.ts";
import { formatSize } from "../units.ts";
import { compareInputs } from "./compare-inputs.ts";
import { volumeLoss } from "./decide-removal.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { AttributeChange, PlannedResource, Reason } from "./types.ts";

export interface VolumeSituation {
  readonly resource: Resource;
  readonly recorded: ResourceState | undefined;
  /** Undefined when nobody looked: the record is believed. */
  readonly observation: VolumeObservation | undefined;
  /** --replace names it. */
  readonly requested: boolean;
}

export function decideVolume(situation: VolumeSituation): Decision {
  const { resource, recorded, observation, requested } = situation;
  const inputs = resource.inputs as VolumeInputs;
  const planned = plannedVolume(resource, recorded?.generation ?? 1);
  if (recorded === undefined) {
    return {
      ...work(planned, ["allocate"]),
      action: "create",
      summary: whole(inputs),
      reasons: [{ kind: "new" }],
    };
  }
  const gone = observation?.state === "absent" || observation?.state === "incomplete";
  if (gone && !requested) return refused(goneProblem(resource));
  const attributes = compareInputs(recorded.inputs, inputs);
  const replacing = attributes.filter(({ change }) => change === "replace");
  if (requested || replacing.length > 0) {
    const reasons = replacing.map(reasonOf);
    return {
      ...work(plannedVolume(resource, recorded.generation + 1), ["trash", "allocate"]),
      action: "replace",
      summary: [...replacing.map(describeChange), "made anew, empty"].join(", "),
      reasons: requested ? [...reasons, { kind: "requested", by: "--replace" }] : reasons,
      attributes,
      dataLoss: gone ? [] : [volumeLoss(recorded)],
    };
  }
  const [size] = attributes;
  if (size === undefined) return observedOnly(resource, recorded);
  if (Number(size.after) < Number(size.before)) return refused(shrinkProblem(resource, size));
  return {
    ...work(planned, ["grow"]),
    action: "update",
    summary: `${describeChange(size)} (grown in place)`,
    reasons: [reasonOf(size)],
    attributes,
  };
}

function plannedVolume(resource: Resource, generation: number): PlannedResource {
  const { address, name, provider, dependsOn, preventDestroy } = resource;
  const inputs = resource.inputs as VolumeInputs;
  return { type: "volume", address, name, provider, dependsOn, preventDestroy, generation, inputs };
}

function work(planned: PlannedResource, steps: Decision["steps"]): Decision {
  return { ...NO_CHANGE, steps, planned };
}

function whole({ size, filesystem }: VolumeInputs): string {
  return filesystem === "none" ? formatSize(size) : `${formatSize(size)}, ${filesystem}`;
}

function reasonOf({ path, change }: AttributeChange): Reason {
  return { kind: "attribute", path: path.join("."), change };
}

/** Protection is only recorded. */
function observedOnly({ address, preventDestroy }: Resource, recorded: ResourceState): Decision {
  return recorded.preventDestroy === preventDestroy
    ? NO_CHANGE
    : { ...NO_CHANGE, observed: { address, preventDestroy } };
}

function refused(diagnostic: Diagnostic): Decision {
  return { ...NO_CHANGE, diagnostics: [diagnostic] };
}

function goneProblem({ address }: Resource): Diagnostic {
  return problem({
    code: "plan/volume-gone",
    address,
    summary: `the disk of ${address} is gone`,
    detail: "It held data: an empty one is not put in its place unasked.",
    hint: `Bring it back from a backup, or make it anew, empty, with \`vmlab apply --replace ${address}\`.`,
  });
}

function shrinkProblem({ address }: Resource, { before, after }: AttributeChange): Diagnostic {
  const [was, now] = [formatSize(Number(before)), formatSize(Number(after))];
  return problem({
    code: "plan/volume-cannot-shrink",
    address,
    summary: `${address} cannot shrink from ${was} to ${now}`,
    detail: "A smaller disk would cut off what was written at its end.",
    hint: `Keep size at ${was} or more, or make it anew, empty, with \`vmlab apply --replace ${address}\`.`,
  });
}
