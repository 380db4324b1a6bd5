/** The images below a build, as its qcow2 overlay needs them. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { ImageRecord } from "../images/image-record.ts";
import { bareDigest, observeImage, readRecord } from "../images/store.ts";

/** The parent's record first, then what it stands on, down to a base image. Fails with what is missing. */
export async function layerChain(
  effects: Pick<Effects, "files">,
  home: Home,
  parent: { readonly address: string; readonly digest: string },
  address: string,
): Promise<readonly [ImageRecord, ...ImageRecord[]]> {
  const lookUp = async (digest: string): Promise<ImageRecord> => {
    const observed = await observeImage(effects, home, digest);
    const record = observed.state === "present" ? await readRecord(effects, home, digest) : undefined;
    if (record !== undefined) return record;
    return fail({
      code: "image/parent-unusable",
      summary: `${address} cannot be built: an image below it is ${observed.state === "changed" ? "damaged" : "not in the store"}`,
      detail: `${parent.address} stands on sha256:${bareDigest(digest)}${observed.state === "changed" ? `; ${observed.reason}.` : "."}`,
      hint: "Run `vmlab images verify --repair`, or plan and apply again, which gets what is missing.",
      address,
    });
  };
  const first = await lookUp(parent.digest);
  const chain: [ImageRecord, ...ImageRecord[]] = [first];
  for (let next = first.parent; next !== undefined; ) {
    if (chain.some(({ digest }) => digest === next)) throw new Error(`image ${next} stands on itself`);
    const record: ImageRecord = await lookUp(next);
    chain.push(record);
    next = record.parent;
  }
  return chain;
}

/**
 * Makes the parent's disk reachable from a build's folder by the path that the finished layer will have: an image lies
 * one folder deeper there than in the store. What lies further below is found from the parent's own place.
 */
export async function linkParent(
  effects: Pick<Effects, "files">,
  folder: string,
  digest: string,
): Promise<void> {
  for (const name of ["parent", digest]) await effects.files.symlink(join("..", digest), join(folder, name));
}
