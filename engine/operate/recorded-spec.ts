/** A VM as the state records it, the way its provider takes it. */
import type { VmSpec } from "../../providers/provider.ts";
import { evaluateKnownInputs } from "../apply/evaluate-inputs.ts";
import { vmSpec } from "../apply/vm-spec.ts";
import { volumeLookup } from "../apply/volume-records.ts";
import { expandLab } from "../config/expand.ts";
import type { NetworkInputs, VmInputs } from "../config/types.ts";
import type { Json, JsonObject } from "../json.ts";
import { expandInput } from "../plan/expand-input.ts";
import type { ResourceState, State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";

/** Makes the specs of several VMs of one state. `inputs`: others than those recorded. */
export function recordedSpecs(
  workspace: Workspace,
  state: State,
  sensitiveVariables: Readonly<Record<string, Json>>,
): (record: ResourceState, inputs?: JsonObject) => VmSpec {
  const liveAttributes = (address: string) => state.resources[address]?.attributes;
  const { values } = expandLab(workspace.lab, expandInput(state));
  const lookups = {
    network: (name: string) =>
      state.resources[`network.${name}`]?.inputs as unknown as NetworkInputs | undefined,
    volume: volumeLookup((address) => state.resources[address]),
  };
  return (record, inputs = record.inputs) => {
    const known = evaluateKnownInputs(
      inputs as unknown as VmInputs,
      { values, liveAttributes, sensitiveVariables },
      state.sensitiveKey,
    );
    const identity = {
      id: record.instance ?? "",
      name: record.name,
      lab: { name: state.lab, lineage: state.lineage, folder: workspace.folder },
      base: { digest: String(record.attributes.base), user: "" },
      environment: record.environment,
    };
    return vmSpec(identity, known.inputs, lookups, !known.complete);
  };
}
