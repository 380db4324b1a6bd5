/** generate: the value of a secret, made and recorded in one durable write. */
import type { Run, StepCall } from "../run.ts";
import { secretValue } from "../secret-value.ts";

export async function generate(run: Run, call: StepCall): Promise<void> {
  const { planned } = call;
  if (planned?.type !== "secret") return;
  const { address, name, provider, dependsOn, preventDestroy, generation } = planned;
  const attributes = secretValue(address, planned.inputs, run.workspace.effects.random);
  await run.keeper.commit({
    kind: "resource",
    address,
    resource: {
      address,
      type: "secret",
      name,
      provider,
      generation,
      phase: "complete",
      inputs: { ...planned.inputs },
      attributes,
      dependsOn,
      preventDestroy,
    },
  });
}
