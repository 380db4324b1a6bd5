/** A machine that exists becomes a VM of the lab: what it is against what is declared. */
import type { Resource, VmInputs } from "../config/types.ts";
import { problem } from "../diagnostics.ts";
import type { JsonObject } from "../json.ts";
import type { ResourceState } from "../state/types.ts";
import { decideVm, plannedVm } from "./decide-vm.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import type { FoundMachine } from "./find-imports.ts";
import type { Step } from "./types.ts";
import type { VmSituation } from "./vm-situation.ts";

/**
 * What of the declared inputs can be seen on the machine is taken from there, so that differences are planned as
 * changes; the rest counts as declared. Its provisioning counts as done: somebody did it.
 */
export function decideImport(situation: VmSituation, machine: FoundMachine): Decision {
  const { resource } = situation;
  const recorded = importedRecord(resource, machine, situation.now);
  const decision = decideVm({ ...situation, recorded, observation: machine.observation });
  if (decision.diagnostics.length > 0) return decision;
  if (decision.action === "replace") return refused(situation, machine, decision);
  const planned = { ...plannedVm(situation, 1), imported: importedOf(machine) };
  // Keys, ports and the name are brought to what is declared in any case: they cannot be seen from outside.
  const steps: Step[] = decision.steps.includes("update")
    ? [...decision.steps]
    : ["update", ...decision.steps];
  const { observed: _, ...rest } = decision;
  const changes = decision.attributes.map(describeChange).join(", ");
  return {
    ...rest,
    action: "import",
    summary: `machine ${machine.id}, ${machine.observation.state}${changes === "" ? "" : `; ${changes}`}`,
    reasons: [{ kind: "new" }, ...decision.reasons],
    steps: ["import", ...steps],
    planned,
  };
}

/** What an import writes down of the machine; without attributes that it has not. */
export interface ImportedMachine {
  readonly instance: string;
  readonly attributes: JsonObject;
  /** It is off, and stays off until it is started. */
  readonly off: boolean;
}

function importedOf({ id, observation }: FoundMachine): ImportedMachine {
  const off = observation.state === "stopped" && observation.clean;
  return { instance: id, attributes: observation.attributes, off };
}

function importedRecord(resource: Resource, machine: FoundMachine, now: number): ResourceState {
  const imported = importedOf(machine);
  return {
    address: resource.address,
    type: "vm",
    name: resource.name,
    provider: resource.provider,
    generation: 1,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    ...recordOfImport(imported, resource.inputs as unknown as JsonObject, now),
  };
}

/** The parts of a record that follow from the machine; `inputs` are the declared ones. */
export function recordOfImport(
  { instance, attributes, off }: ImportedMachine,
  inputs: JsonObject,
  now: number,
): Pick<ResourceState, "instance" | "phase" | "inputs" | "attributes" | "provisioned" | "powerOverride"> {
  const seen: Record<string, JsonObject[string]> = {};
  for (const key of ["cpus", "memory", "disk", "firmware"]) {
    const value = attributes[key];
    if (value !== undefined) seen[key] = value;
  }
  if (typeof attributes.user === "string")
    seen.login = { ...(inputs.login as JsonObject), user: attributes.user };
  return {
    instance,
    phase: "complete",
    inputs: { ...inputs, ...seen },
    attributes,
    provisioned: true,
    ...(off ? { powerOverride: { state: "stopped", by: "command", since: now } } : {}),
  };
}

function refused({ resource, base }: VmSituation, { id }: FoundMachine, decision: Decision): Decision {
  const differing = decision.attributes.filter(({ change }) => change === "replace").map(describeChange);
  const onOther = decision.reasons.some(({ kind }) => kind === "dependency")
    ? [`it does not stand on ${base.address}`]
    : [];
  return {
    ...NO_CHANGE,
    diagnostics: [
      problem({
        code: "plan/import-differs",
        address: resource.address,
        summary: `The machine ${id} cannot become ${resource.address} as it is declared`,
        detail: `Only a new machine could be so: ${[...differing, ...onOther].join(", ")}.`,
        hint: `Declare what it is (${(resource.inputs as VmInputs).role === undefined ? "image" : "role"}, firmware, machine, login.user), or let lifecycle.ignore_changes name what may differ.`,
      }),
    ],
  };
}
