/** One image provider out of two: base images come from the store's, roles and custom images from Packer's. */

import type { PackerProvider } from "../providers/packer/index.ts";
import type { ImageProvider } from "../providers/provider.ts";

/** Packer's side is loaded when a lab first builds something. */
export function routedImages(store: ImageProvider, packer: () => Promise<PackerProvider>): ImageProvider {
  const forInputs = async ({ source }: { readonly source: string }) =>
    source === "build" ? await packer() : store;
  return {
    name: store.name,
    version: store.version,
    resolve: async (spec, options) => (await forInputs(spec.inputs)).resolve(spec, options),
    read: (digests) => store.read(digests),
    obtain: async (spec, context) => (await forInputs(spec.inputs)).obtain(spec, context),
    notes: (images, now) => store.notes(images, now),
    tidy: (now) => store.tidy(now),
    // A build's processes have to end before its folder goes.
    recover: async () => [...(await (await packer()).recover()), ...(await store.recover())],
  };
}
