/** What every part of the provider works with. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";

export interface QemuContext {
  readonly effects: Effects;
  readonly home: Home;
  /** Path of an image's disk in the store, whether it is there or not. */
  readonly imageDisk: (digest: string) => string;
}
