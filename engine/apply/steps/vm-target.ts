/** The machine that a VM step works on: the replacement while one is under way, else the VM's own. */
import type { VmSpec } from "../../../providers/provider.ts";
import { baseAddress, type CloneInputs } from "../../config/types.ts";
import { fail } from "../../diagnostics.ts";
import type { JsonObject } from "../../json.ts";
import type { PlannedResource } from "../../plan/types.ts";
import type { Phase, ResourceState } from "../../state/types.ts";
import {
  type EvaluatedVmInputs,
  evaluateKnownInputs,
  evaluateVmInputs,
  sealInputs,
} from "../evaluate-inputs.ts";
import type { Run, StepCall } from "../run.ts";
import { vmSpec } from "../vm-spec.ts";

export type PlannedVm = Extract<PlannedResource, { type: "vm" }>;

export function plannedVm(call: StepCall): PlannedVm {
  if (call.planned?.type !== "vm") throw new Error(`${call.operation.id} has no planned VM`);
  return call.planned;
}

export function recordOf(run: Run, address: string): ResourceState {
  const record = run.keeper.resource(address);
  if (record === undefined) throw new Error(`${address} has no record`);
  return record;
}

/** Digest of the disk's base: planned, or that of the image which an earlier operation obtained. */
export function baseDigest(run: Run, planned: PlannedVm): string {
  const { clone } = planned.inputs;
  if (clone !== undefined) return String(cloneSource(run, planned, clone).attributes.base);
  const address = baseAddress(planned.inputs);
  const digest = planned.base ?? run.keeper.resource(address)?.instance;
  if (digest !== undefined) return digest;
  return fail({
    code: "apply/no-image",
    address: planned.address,
    summary: `${address}, on which ${planned.address} stands, does not exist yet`,
    hint: "Apply without --target or --exclude, or plan again.",
  });
}

/** The record of the VM that a clone is made of. */
export function cloneSource(
  run: Run,
  planned: PlannedVm,
  clone: CloneInputs,
): ResourceState & { readonly instance: string } {
  const record = run.keeper.resource(`vm.${clone.vm}`);
  if (record?.instance !== undefined) return { ...record, instance: record.instance };
  return fail({
    code: "apply/no-clone-source",
    address: planned.address,
    summary: `vm.${clone.vm}, of which ${planned.address} is a clone, does not exist`,
    hint: "Apply without --target or --exclude, or plan again.",
  });
}

/** What a VM goes on needing: the one that it is a clone of may go once it exists. */
export function lastingDependsOn({ inputs, dependsOn }: PlannedVm): readonly string[] {
  return dependsOn.filter((address) => address !== `vm.${inputs.clone?.vm}`);
}

export function specFor(run: Run, planned: PlannedVm, instance: string, base: string): VmSpec {
  const identity = {
    id: instance,
    name: planned.name,
    lab: run.lab,
    base: { digest: base, user: planned.user },
    environment: planned.environment,
  };
  if (run.plan.mode !== "power")
    return vmSpec(identity, evaluateVmInputs(planned.inputs, run.evaluation), run.lookups);
  const { inputs, complete } = evaluateKnownInputs(planned.inputs, run.evaluation, run.keeper.sensitiveKey);
  return vmSpec(identity, inputs, run.lookups, !complete);
}

/**
 * The inputs with every expression evaluated, for running steps in the guest. A power operation carries out what was
 * applied, so it needs the very values that were.
 */
export function evaluated(run: Run, planned: PlannedVm): EvaluatedVmInputs {
  if (run.plan.mode !== "power") return evaluateVmInputs(planned.inputs, run.evaluation);
  const { inputs, complete } = evaluateKnownInputs(planned.inputs, run.evaluation, run.keeper.sensitiveKey);
  if (complete) return inputs;
  return fail({
    code: "apply/sensitive-input-missing",
    address: planned.address,
    summary: `${planned.address} is not provisioned yet, and a sensitive value for that is not given`,
    hint: "Run `vmlab apply` with the sensitive variables (--var or --var-file).",
  });
}

/** The machine under construction in a replacement, else the VM itself. */
export interface Target {
  readonly record: ResourceState;
  readonly instance: string;
  readonly spec: VmSpec;
  /** The record with this machine's phase and newly reported attributes. */
  readonly with: (changes: { phase?: Phase; attributes?: JsonObject }) => ResourceState;
}

export function targetOf(run: Run, call: StepCall): Target {
  const planned = plannedVm(call);
  const record = recordOf(run, call.operation.address);
  const { replacement } = record;
  if (replacement !== undefined) {
    return {
      record,
      instance: replacement.instance,
      spec: specFor(run, planned, replacement.instance, String(replacement.attributes.base)),
      with: ({ phase, attributes }) => ({
        ...record,
        replacement: {
          ...replacement,
          phase: phase ?? replacement.phase,
          attributes: { ...replacement.attributes, ...attributes },
        },
      }),
    };
  }
  const instance = record.instance ?? "";
  return {
    record,
    instance,
    spec: specFor(run, planned, instance, String(record.attributes.base)),
    with: ({ phase, attributes }) => ({
      ...record,
      phase: phase ?? record.phase,
      attributes: { ...record.attributes, ...attributes },
    }),
  };
}

/** Planned inputs as the state keeps them; those of a power operation come from there. */
export function sealedInputs(run: Run, planned: PlannedVm): JsonObject {
  if (run.plan.mode === "power") return planned.inputs as unknown as JsonObject;
  return sealInputs(planned.inputs, run.evaluation, run.keeper.sensitiveKey);
}

export function withoutOverride(record: ResourceState): ResourceState {
  const { powerOverride: _, ...rest } = record;
  return rest;
}
