/** The state as it may be shown: without the key of the keyed hashes and without the values of secrets. */
import { isPublicAttribute } from "../engine/config/secret-kinds.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { ResourceState, State } from "../engine/state/types.ts";

/** For --json of show, and for `state show`. */
export function maskedState(state: State): JsonObject {
  const { sensitiveKey: _, resources, outputs, ...rest } = state;
  return {
    ...(rest as unknown as JsonObject),
    resources: Object.fromEntries(
      Object.entries(resources).map(([address, resource]) => [address, maskedResource(resource)]),
    ),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, { value, sensitive }]) => [
        name,
        sensitive ? { sensitive } : { sensitive, value },
      ]),
    ),
  };
}

export function maskedResource(resource: ResourceState): JsonObject {
  const record = resource as unknown as JsonObject;
  if (resource.type !== "secret") return record;
  const attributes: Record<string, Json> = {};
  for (const [key, value] of Object.entries(resource.attributes))
    attributes[key] = isPublicAttribute(key) ? value : "(sensitive)";
  return { ...record, attributes };
}
