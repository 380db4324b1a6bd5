/** What happens to a network: made once; its members' names are brought to the running ones when they change. */
import type { NetworkInputs, Resource } from "../config/types.ts";
import type { Json } from "../json.ts";
import type { ResourceState } from "../state/types.ts";
import { compareInputs } from "./compare-inputs.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { AttributeChange, PlannedResource, Reason } from "./types.ts";

/** `exists` is undefined when nobody looked: the record is believed. */
export function decideNetwork(
  resource: Resource,
  recorded: ResourceState | undefined,
  exists: boolean | undefined,
): Decision {
  const inputs = resource.inputs as NetworkInputs;
  const planned: PlannedResource = {
    type: "network",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    generation: recorded?.generation ?? 1,
    inputs,
  };
  const work = { ...NO_CHANGE, steps: ["network"] as const, planned };
  if (recorded === undefined) {
    const summary = inputs.internet ? inputs.cidr : `${inputs.cidr}, without internet`;
    return { ...work, action: "create", summary, reasons: [{ kind: "new" }] };
  }
  if (exists === false) {
    const drift = { kind: "drift", what: "the network is gone" } as const;
    return { ...work, action: "create", summary: `${drift.what}; ${inputs.cidr}`, reasons: [drift] };
  }
  const attributes = compareInputs(recorded.inputs, inputs).map(
    (change): AttributeChange => ({ ...change, change: "live" }),
  );
  if (attributes.length === 0) return NO_CHANGE;
  const reasons = attributes.map(
    ({ path, change }): Reason => ({ kind: "attribute", path: path.join("."), change }),
  );
  const summary = `${attributes.map(describe).join(", ")} (live)`;
  return { ...work, action: "update", summary, reasons, attributes };
}

function describe(change: AttributeChange): string {
  if (change.path[0] !== "members") return describeChange(change);
  const before = namesOf(change.before);
  const after = namesOf(change.after);
  const added = [...after].filter((name) => !before.has(name)).map((name) => `+${name}`);
  const removed = [...before].filter((name) => !after.has(name)).map((name) => `−${name}`);
  const parts = [...added, ...removed];
  if (parts.length === 0) return "addresses of members";
  return parts.length <= 4 ? `names ${parts.join(" ")}` : `names +${added.length} −${removed.length}`;
}

function namesOf(members: Json | undefined): ReadonlySet<string> {
  const list = Array.isArray(members) ? (members as readonly { readonly name?: Json }[]) : [];
  return new Set(list.map(({ name }) => String(name)));
}
