/** Waits until a running VM is ready, as start and apply do, without recording anything. */
import type { CallContext } from "../../providers/provider.ts";
import { evaluateKnownInputs } from "../apply/evaluate-inputs.ts";
import { vmSpec } from "../apply/vm-spec.ts";
import { volumeLookup } from "../apply/volume-records.ts";
import { expandLab } from "../config/expand.ts";
import type { NetworkInputs, VmInputs } from "../config/types.ts";
import type { Json } from "../json.ts";
import { expandInput } from "../plan/expand-input.ts";
import type { ResourceState, State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";

/** Fails with the provider's evidence when the VM does not get ready. */
export async function awaitReady(
  workspace: Workspace,
  state: State,
  record: ResourceState,
  sensitiveVariables: Readonly<Record<string, Json>>,
  context: CallContext,
): Promise<void> {
  const liveAttributes = (address: string) => state.resources[address]?.attributes;
  const { values } = expandLab(workspace.lab, expandInput(state));
  const known = evaluateKnownInputs(
    record.inputs as unknown as VmInputs,
    { values, liveAttributes, sensitiveVariables },
    state.sensitiveKey,
  );
  const spec = vmSpec(
    {
      id: record.instance ?? "",
      name: record.name,
      lab: { name: state.lab, lineage: state.lineage, folder: workspace.folder },
      base: { digest: String(record.attributes.base), user: "" },
      environment: record.environment,
    },
    known.inputs,
    {
      network: (name) => state.resources[`network.${name}`]?.inputs as unknown as NetworkInputs | undefined,
      volume: volumeLookup((address) => state.resources[address]),
    },
    !known.complete,
  );
  const provider = workspace.providers.vm;
  await provider.ready(spec, context);
  if (spec.ready !== undefined) await provider.readyCommand(spec, context);
}
