/** Pretend images: the digest follows from the recipe and, for a build, from what it stands on. */

import type { ImageInputs } from "../../engine/config/types.ts";
import { canonicalJson, sha256 } from "../../engine/json.ts";
import type { ImageObservation, ImageParent, ImagePin, ImageProvider } from "../provider.ts";
import type { FakeWorld } from "./world.ts";

const VIRTUAL_SIZE = 2 * 1024 ** 3;

export function fakeImageProvider(world: FakeWorld): ImageProvider {
  return {
    name: "fake-images",
    version: "1",
    async resolve({ inputs, parent, pin }, { upgrade }) {
      if (inputs.build === undefined) return await lookUp(world, baseKey(inputs));
      const current = (await world.faults()).template ?? 1;
      const source = "build";
      const pinned = pin?.source === source && !upgrade ? (pin.recipe ?? current) : current;
      const found = await lookUp(world, buildKey(inputs, parent, pinned), parent);
      const newer = { source, recipe: current };
      // An old template cannot be built any more; what it built can be used.
      if (found.present || pinned === current) return { ...found, pin: { source, recipe: pinned } };
      return { ...(await lookUp(world, buildKey(inputs, parent, current), parent)), pin: newer };
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
      const { key, name, parent, pin } = spec;
      context.progress(
        parent === undefined ? "pretending to get the image" : "pretending to build the image",
      );
      await world.disturb("obtain", name, context.signal);
      const digest = digestOf(key, parent);
      if ((await world.image(digest))?.present !== true) await world.putImage({ digest, key, present: true });
      const pinned: { pin?: ImagePin } = pin === undefined ? {} : { pin };
      return { digest, attributes: { virtual_size: VIRTUAL_SIZE, size: 0 }, ...pinned };
    },
    async recover() {
      return [];
    },
    async notes() {
      return [];
    },
    async tidy() {
      return [];
    },
  };
}

async function lookUp(world: FakeWorld, key: string, parent?: ImageParent) {
  const known = parent === undefined || parent.digest !== undefined;
  const digest = digestOf(key, parent);
  const present = known && (await world.image(digest))?.present === true;
  return { key, ...(present ? { digest } : {}), present, virtualSize: VIRTUAL_SIZE, notes: [] };
}

function digestOf(key: string, parent: ImageParent | undefined): string {
  return sha256(parent?.digest === undefined ? key : `${key} on ${parent.digest}`);
}

function baseKey(inputs: ImageInputs): string {
  const { user: _, os: __, archive: ___, ...recipe } = inputs;
  return sha256(canonicalJson(recipe));
}

function buildKey(inputs: ImageInputs, parent: ImageParent | undefined, recipe: number): string {
  const {
    cpus: _,
    memory: __,
    timeoutMs: ___,
    ...build
  } = inputs.build ?? {
    cpus: 0,
    memory: 0,
    timeoutMs: 0,
  };
  return sha256(canonicalJson({ parent: parent?.key, build, recipe }));
}
