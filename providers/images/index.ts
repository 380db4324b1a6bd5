/** Base images: downloaded, copied, bootstrapped, or in the store already. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageObservation, ImageProvider } from "../provider.ts";
import { obtainImage } from "./obtain.ts";
import { resolveImage } from "./resolve.ts";
import { observeImage, type Verification, verifyChain } from "./store.ts";
import { tidyStore } from "./tidy-store.ts";
import { recoverWorkplaces } from "./workplace.ts";

export { missingLayer } from "./missing-layer.ts";
export { imageDiskPath } from "./store.ts";

/** Part of saved plans. Moves when the meaning of inputs, keys or pins does. */
const PROVIDER_VERSION = "1";

export interface ImageStoreProvider extends ImageProvider {
  /** Reads every byte of an image and of the layers below it. A file with the right bytes and another time or inode is recorded anew. */
  verifyImage(digest: string, context?: CallContext): Promise<Verification>;
}

export function imageProvider({
  effects,
  home,
}: {
  readonly effects: Effects;
  readonly home: Home;
}): ImageStoreProvider {
  return {
    name: "images",
    version: PROVIDER_VERSION,
    resolve: (spec, options) => resolveImage(effects, home, spec, options),
    async read(digests) {
      const found = new Map<string, ImageObservation>();
      for (const digest of digests) found.set(digest, await observeImage(effects, home, digest));
      return found;
    },
    obtain: (spec, context) => obtainImage(effects, home, spec, context),
    async recover() {
      return (await recoverWorkplaces(effects, home)).map((id) => `unfinished image ${id}`);
    },
    async notes(images, now) {
      const { storeNotes } = await import("./registry/index.ts");
      return await storeNotes(effects, home, { now, images });
    },
    tidy: (now) => tidyStore(effects, home, now),
    verifyImage: (digest, context) =>
      verifyChain(effects, home, digest, { mend: true, ...(context === undefined ? {} : { context }) }),
  };
}
