/** obtain: an image gets into the store, or is found there. The store keeps its own intents. */
import type { JsonObject } from "../../json.ts";
import type { Run, StepCall } from "../run.ts";

export async function obtain(run: Run, call: StepCall): Promise<void> {
  const { planned } = call;
  if (planned?.type !== "image") return;
  const { address, name, provider, dependsOn, preventDestroy, generation, inputs, key, pin } = planned;
  const image = await run.providers.image.obtain(
    {
      name,
      lab: run.lab,
      inputs,
      key,
      offline: run.workspace.lab.offline,
      ...(pin === undefined ? {} : { pin }),
    },
    call.context,
  );
  // The pin first: a crash between the two leaves an image to be looked at again, never a record without its pin.
  if (image.pin !== undefined) await run.pins.set(name, image.pin);
  await run.keeper.commit({
    kind: "resource",
    address,
    resource: {
      address,
      type: "image",
      name,
      provider,
      instance: image.digest,
      generation,
      phase: "complete",
      inputs: inputs as unknown as JsonObject,
      attributes: {
        ...image.attributes,
        key,
        digest: image.digest,
        ...(image.pin === undefined ? {} : { pin: image.pin as unknown as JsonObject }),
      },
      dependsOn,
      preventDestroy,
    },
  });
}
