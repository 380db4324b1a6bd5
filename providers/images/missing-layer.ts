/** Whether the disks that an image consists of are there: what a machine needs in order to start. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { bareDigest, imageDiskPath, readRecord } from "./store.ts";

/** Digest of the first layer, from the top, whose disk is not in the store; undefined when all are. */
export async function missingLayer(
  effects: Pick<Effects, "files">,
  home: Home,
  digest: string,
): Promise<string | undefined> {
  const seen = new Set<string>();
  for (let next: string | undefined = bareDigest(digest); next !== undefined && !seen.has(next); ) {
    seen.add(next);
    const disk = await effects.files.stat(imageDiskPath(home, next));
    if (disk?.kind !== "file") return next;
    next = (await readRecord(effects, home, next))?.parent;
  }
  return undefined;
}
