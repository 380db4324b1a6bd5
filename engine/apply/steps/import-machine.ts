/** import: a machine that exists becomes the VM. Nothing happens to it here; the update that follows changes it. */
import { DiagnosticsError } from "../../diagnostics.ts";
import { recordOfImport } from "../../plan/decide-import.ts";
import { findImports } from "../../plan/find-imports.ts";
import type { Run, StepCall } from "../run.ts";
import { stepHashes } from "./provision.ts";
import { plannedVm, sealedInputs } from "./vm-target.ts";

export async function importMachine(run: Run, call: StepCall): Promise<void> {
  const planned = plannedVm(call);
  const { address, name, provider, generation, dependsOn, preventDestroy, environment, imported } = planned;
  if (imported === undefined) throw new Error(`${call.operation.id} has no machine`);
  // Somebody may have taken or removed it since the plan was made.
  const asked = [{ to: address, id: imported.instance }];
  const { diagnostics } = await findImports(run.workspace, asked, run.keeper.state());
  if (diagnostics.length > 0) throw new DiagnosticsError(diagnostics);
  const inputs = sealedInputs(run, planned);
  await run.keeper.commit({
    kind: "resource",
    address,
    resource: {
      address,
      type: "vm",
      name,
      provider,
      generation,
      dependsOn,
      preventDestroy,
      ...(planned.triggers === undefined ? {} : { triggers: planned.triggers }),
      ...(environment === undefined ? {} : { environment }),
      stepsDone: stepHashes(run, planned),
      ...recordOfImport(imported, inputs, run.workspace.effects.clock.now()),
    },
  });
}
