/** generate: the value of a secret, made and recorded in one durable write. */
import { sealInputs } from "../evaluate-inputs.ts";
import type { Run, StepCall } from "../run.ts";
import { secretValue } from "../secret-value.ts";
import { recordOf } from "./vm-target.ts";

export async function generate(run: Run, call: StepCall): Promise<void> {
  const { planned } = call;
  if (planned?.type !== "secret") return;
  const { address, name, provider, dependsOn, preventDestroy, generation } = planned;
  const { clock, random } = run.workspace.effects;
  const inputs = sealInputs(planned.inputs, run.evaluation, run.keeper.sensitiveKey);
  const authority = (ca: string) => {
    const { cert, key } = recordOf(run, `secret.${ca}`).attributes;
    return { cert: String(cert), key: String(key) };
  };
  const attributes = await secretValue(address, planned.inputs, { clock, random, authority });
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
      inputs,
      attributes,
      dependsOn,
      preventDestroy,
    },
  });
}
