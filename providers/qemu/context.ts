/** What every part of the provider works with. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";

export interface QemuContext {
  readonly effects: Effects;
  readonly home: Home;
  /** Path of an image's disk in the store, whether it is there or not. */
  readonly imageDisk: (digest: string) => string;
  /** Digest of a layer of the image that is not in the store; without this, only the image itself is looked for. */
  readonly missingLayer?: (digest: string) => Promise<string | undefined>;
  /** Of machines that were cloned while they ran, by id: the layer that this command froze last. */
  readonly frozen?: Map<string, string>;
}
