/** obtain: an image gets into the store, or is found there. The store keeps its own intents. */

import { fail } from "../../diagnostics.ts";
import type { JsonObject } from "../../json.ts";
import type { Run, StepCall } from "../run.ts";

export async function obtain(run: Run, call: StepCall): Promise<void> {
  const { planned } = call;
  if (planned?.type !== "image" && planned?.type !== "role") return;
  const { address, type, name, provider, dependsOn, preventDestroy, generation, inputs, key, pin, fresh } =
    planned;
  const parent = inputs.build === undefined ? undefined : parentOf(run, address, inputs.build.parent);
  const image = await run.providers.image.obtain(
    {
      address,
      name,
      lab: run.lab,
      inputs,
      key,
      offline: run.workspace.lab.offline,
      ...(pin === undefined ? {} : { pin }),
      ...(fresh === true ? { fresh } : {}),
      ...(parent === undefined ? {} : { parent }),
    },
    call.context,
  );
  // The pin first: a crash between the two leaves an image to be looked at again, never a record without its pin.
  if (image.pin !== undefined) await run.pins.set(address, image.pin);
  await run.keeper.commit({
    kind: "resource",
    address,
    resource: {
      address,
      type,
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
        ...(parent === undefined ? {} : { parent: parent.digest, parent_key: parent.key }),
      },
      dependsOn,
      preventDestroy,
    },
  });
}

/** What a build stands on, as it is by now: obtained before, or recorded by an earlier apply. */
function parentOf(run: Run, address: string, parent: string) {
  const record = run.keeper.resource(parent);
  const key = record?.attributes.key;
  if (record?.instance !== undefined && typeof key === "string")
    return { address: parent, key, digest: record.instance };
  return fail({
    code: "apply/no-image",
    address,
    summary: `${parent}, on which ${address} is built, does not exist yet`,
    hint: "Apply without --target or --exclude, or plan again.",
  });
}
