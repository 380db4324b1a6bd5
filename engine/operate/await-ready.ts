/** Waits until a running VM is ready, as start and apply do, without recording anything. */
import type { CallContext } from "../../providers/provider.ts";
import type { Json } from "../json.ts";
import type { ResourceState, State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { recordedSpecs } from "./recorded-spec.ts";

/** Fails with the provider's evidence when the VM does not get ready. */
export async function awaitReady(
  workspace: Workspace,
  state: State,
  record: ResourceState,
  sensitiveVariables: Readonly<Record<string, Json>>,
  context: CallContext,
): Promise<void> {
  const spec = recordedSpecs(workspace, state, sensitiveVariables)(record);
  const provider = workspace.providers.vm;
  await provider.ready(spec, context);
  if (spec.ready !== undefined) await provider.readyCommand(spec, context);
}
