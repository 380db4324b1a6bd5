/**
 * A plan in Terraform's published representation ("JSON Output Format", format_version 1.2), so that tools that read
 * Terraform plans read ours. What Terraform has no word for stands under one key, `vmlab`.
 */
import equal from "fast-deep-equal";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { renameResources } from "../state/rename-resources.ts";
import type { ResourceState, State } from "../state/types.ts";
import { isDeferred } from "./compare-inputs.ts";
import type { Action, Change, Plan } from "./types.ts";

const FORMAT_VERSION = "1.2";
/** The Terraform release whose representation this is. */
const TERRAFORM_VERSION = "1.11.0";

export function terraformPlanJson(plan: Plan, prior: State | undefined): JsonObject {
  const changes = plan.changes.map((change) => resourceChange(change, prior));
  const outputs = plan.outputs.map((output) => [output.name, outputChange(output, prior)] as const);
  return {
    format_version: FORMAT_VERSION,
    terraform_version: TERRAFORM_VERSION,
    planned_values: { root_module: { resources: plannedResources(plan, prior) } },
    resource_changes: changes,
    output_changes: Object.fromEntries(outputs),
    ...(prior === undefined ? {} : { prior_state: priorState(prior) }),
    configuration: { root_module: {} },
    applyable: plan.operations.length > 0,
    complete: true,
    errored: false,
    vmlab: vmlabData(plan),
  };
}

/** Terraform's actions; ours go into `vmlab`. */
function actionsOf(action: Action): string[] {
  switch (action) {
    case "no-op":
    case "move":
    case "import":
      return ["no-op"];
    case "create":
    case "build":
      return ["create"];
    case "update":
    case "start":
    case "stop":
      return ["update"];
    case "replace":
      return ["create", "delete"];
    case "delete":
      return ["delete"];
    case "forget":
      return ["forget"];
  }
}

function resourceChange(change: Change, prior: State | undefined): JsonObject {
  const recorded = prior?.resources[change.previousAddress ?? change.address];
  const before = change.before ?? null;
  const after = change.after ?? null;
  const replaced = change.attributes.filter((attribute) => attribute.change === "replace");
  return {
    address: change.address,
    ...(change.previousAddress === undefined ? {} : { previous_address: change.previousAddress }),
    ...(recorded !== undefined && change.action === "replace" ? { action_reason: reasonOf(change) } : {}),
    mode: "managed",
    type: change.type,
    name: change.name,
    provider_name: `vmlab/${change.provider}`,
    change: {
      actions: actionsOf(change.action),
      before: plain(before),
      after: plain(after),
      after_unknown: markers(after, (value) => isDeferred(value) && value.hash === undefined),
      before_sensitive: markers(before, (value) => isDeferred(value) && value.sensitive),
      after_sensitive: markers(after, (value) => isDeferred(value) && value.sensitive),
      ...(change.action === "replace"
        ? { replace_paths: replaced.map((attribute) => [...attribute.path]) }
        : {}),
    },
  };
}

function reasonOf(change: Change): string {
  return change.reasons.some((reason) => reason.kind === "requested")
    ? "replace_by_request"
    : "replace_because_cannot_update";
}

/** Deferred values become null, as unknown and sensitive values are: nothing sensitive is written. */
function plain(value: Json): Json {
  if (isDeferred(value)) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** The tree of `true` at the places that `test` finds; false where there are none. */
function markers(value: Json, test: (value: Json) => boolean): Json {
  if (test(value)) return true;
  if (Array.isArray(value)) {
    const inner = value.map((item) => markers(item, test));
    return inner.some((item) => item !== false) ? inner : false;
  }
  if (!isJsonObject(value)) return false;
  const found = Object.entries(value)
    .map(([key, inner]) => [key, markers(inner, test)] as const)
    .filter(([, marker]) => marker !== false);
  return found.length > 0 ? Object.fromEntries(found) : false;
}

function outputChange(output: Plan["outputs"][number], prior: State | undefined): JsonObject {
  const before = prior?.outputs[output.name];
  const unknown = isDeferred(output.value) && output.value.hash === undefined;
  const sensitive = output.sensitive || (isDeferred(output.value) && output.value.sensitive);
  const same = !isDeferred(output.value) && before !== undefined && equal(before.value, output.value);
  return {
    actions: [before === undefined ? "create" : same ? "no-op" : "update"],
    before: before === undefined || before.sensitive ? null : before.value,
    after: sensitive || isDeferred(output.value) ? null : output.value,
    after_unknown: unknown,
    before_sensitive: before?.sensitive ?? false,
    after_sensitive: sensitive,
  };
}

function stateResource(resource: ResourceState): JsonObject {
  return {
    address: resource.address,
    mode: "managed",
    type: resource.type,
    name: resource.name,
    provider_name: `vmlab/${resource.provider}`,
    schema_version: 0,
    values: plain(resource.inputs),
    sensitive_values: orEmpty(markers(resource.inputs, (value) => isDeferred(value) && value.sensitive)),
    depends_on: [...resource.dependsOn],
  };
}

function orEmpty(value: Json): Json {
  return value === false ? {} : value;
}

function plannedResources(plan: Plan, prior: State | undefined): Json[] {
  const removed = new Set(
    plan.changes.filter((change) => change.after === undefined).map((change) => change.address),
  );
  const moves = plan.changes.flatMap(({ address, previousAddress }): [string, string][] =>
    previousAddress === undefined ? [] : [[previousAddress, address]],
  );
  const kept = Object.values(renameResources(prior?.resources ?? {}, new Map(moves))).filter(
    (resource) => !removed.has(resource.address) && plan.resources[resource.address] === undefined,
  );
  const planned = Object.values(plan.resources).map((resource): JsonObject => {
    const inputs = resource.inputs as unknown as JsonObject;
    return {
      address: resource.address,
      mode: "managed",
      type: resource.type,
      name: resource.name,
      provider_name: `vmlab/${resource.provider}`,
      schema_version: 0,
      values: plain(inputs),
      sensitive_values: orEmpty(markers(inputs, (value) => isDeferred(value) && value.sensitive)),
    };
  });
  return [...kept.map(stateResource), ...planned];
}

function priorState(prior: State): JsonObject {
  const outputs = Object.entries(prior.outputs).map(([name, output]) => [
    name,
    { sensitive: output.sensitive, value: output.sensitive ? null : output.value },
  ]);
  return {
    format_version: "1.0",
    terraform_version: TERRAFORM_VERSION,
    values: {
      outputs: Object.fromEntries(outputs),
      root_module: { resources: Object.values(prior.resources).map(stateResource) },
    },
  };
}

/** Our own data: why, in which order, at what price. */
function vmlabData(plan: Plan): JsonObject {
  const data = {
    tool: plan.tool,
    lab: plan.lab,
    mode: plan.mode,
    changes: plan.changes.map((change, index) => ({
      position: index + 1,
      address: change.address,
      action: change.action,
      summary: change.summary,
      reasons: change.reasons,
      place: change.place,
      estimate_ms: change.estimateMs,
      after: change.after_changes,
    })),
    operations: plan.operations.map(({ id, address, step, needs }) => ({ id, address, step, needs })),
    checks: plan.checks.map(({ name, severity }) => ({ name, severity })),
    notes: plan.notes,
    needs: plan.needs,
    data_loss: plan.dataLoss,
    estimate_ms: plan.estimateMs,
    unchanged: plan.unchanged,
  };
  return JSON.parse(JSON.stringify(data)) as JsonObject;
}
