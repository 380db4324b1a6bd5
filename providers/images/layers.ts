/** The layers that an image consists of. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { ImageRecord } from "./image-record.ts";
import { bareDigest, readRecord } from "./store.ts";

/**
 * Records of the image and of what it stands on, lowest first. Ends early, above, where a layer's record is missing:
 * {@link observeImage} tells which.
 */
export async function layersOf(
  effects: Pick<Effects, "files">,
  home: Home,
  digest: string,
): Promise<readonly ImageRecord[]> {
  const layers: ImageRecord[] = [];
  let next: string | undefined = bareDigest(digest);
  while (next !== undefined && !layers.some((layer) => layer.digest === next)) {
    const record: ImageRecord | undefined = await readRecord(effects, home, next);
    if (record === undefined) break;
    layers.unshift(record);
    next = record.parent;
  }
  return layers;
}
