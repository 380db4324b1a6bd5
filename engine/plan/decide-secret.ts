/** What happens to a secret: made once, kept as long as its declaration stays the same. */
import type { Resource, SecretInputs } from "../config/types.ts";
import type { ResourceState } from "../state/types.ts";
import { compareInputs } from "./compare-inputs.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { AttributeChange, PlannedResource, Reason } from "./types.ts";

export function decideSecret(
  resource: Resource,
  recorded: ResourceState | undefined,
  requested: boolean,
): Decision {
  const inputs = resource.inputs as SecretInputs;
  const planned: PlannedResource = {
    type: "secret",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    generation: (recorded?.generation ?? 0) + 1,
    inputs,
  };
  if (recorded === undefined) {
    return {
      ...NO_CHANGE,
      action: "create",
      summary: `generate ${inputs.kind}`,
      reasons: [{ kind: "new" }],
      steps: ["generate"],
      planned,
    };
  }
  const attributes = compareInputs(recorded.inputs, inputs);
  if (attributes.length === 0 && !requested) return NO_CHANGE;
  const own = attributes.filter((change) => !ofAuthority(change));
  const reasons: Reason[] = own.map((change) => ({
    kind: "attribute",
    path: change.path.join("."),
    change: "replace",
  }));
  if (attributes.some(ofAuthority)) reasons.push({ kind: "dependency", address: `secret.${inputs.ca}` });
  if (requested) reasons.unshift({ kind: "requested", by: "--replace" });
  const why = own.map(describeChange).join(", ");
  return {
    ...NO_CHANGE,
    action: "replace",
    summary: why === "" ? "generate again" : `generate again: ${why}`,
    reasons,
    attributes,
    steps: ["generate"],
    planned,
    dataLoss: [{ address: resource.address, what: "the present value", final: true }],
  };
}

/** A certificate is made anew with its authority, which nobody declared in it. */
function ofAuthority({ path }: AttributeChange): boolean {
  return path[0] === "issuer";
}
