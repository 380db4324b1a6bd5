/** Pretend images: the digest follows from the recipe. */

import type { ImageInputs } from "../../engine/config/types.ts";
import { canonicalJson, sha256 } from "../../engine/json.ts";
import type { ImageObservation, ImageProvider } from "../provider.ts";
import type { FakeWorld } from "./world.ts";

const VIRTUAL_SIZE = 2 * 1024 ** 3;

export function fakeImageProvider(world: FakeWorld): ImageProvider {
  return {
    name: "fake-images",
    version: "1",
    async resolve(spec) {
      const key = recipeKey(spec.inputs);
      const digest = sha256(key);
      const present = (await world.image(digest))?.present === true;
      return { key, ...(present ? { digest } : {}), present, virtualSize: VIRTUAL_SIZE, notes: [] };
    },
    async read(digests) {
      const found = new Map<string, ImageObservation>();
      for (const digest of digests) {
        const image = await world.image(digest);
        found.set(
          digest,
          image?.present === true
            ? { state: "present", virtualSize: VIRTUAL_SIZE, size: 0, attributes: {} }
            : { state: "absent" },
        );
      }
      return found;
    },
    async obtain(spec, context) {
      context.progress("pretending to get the image");
      await world.disturb("obtain", spec.name, context.signal);
      const digest = sha256(spec.key);
      if ((await world.image(digest))?.present !== true)
        await world.putImage({ digest, key: spec.key, present: true });
      return { digest, attributes: { virtual_size: VIRTUAL_SIZE, size: 0 } };
    },
    async recover() {
      return [];
    },
  };
}

function recipeKey(inputs: ImageInputs): string {
  const { user: _, ...recipe } = inputs;
  return sha256(canonicalJson(recipe));
}
