/**
 * The image store as a registry: what is in it, who needs it, and what can be done with it. The store is the host's,
 * shared by all labs.
 */
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { ImageRecord } from "../image-record.ts";
import { layersOf } from "../layers.ts";
import { recoverWorkplaces } from "../workplace.ts";
import { type ExportContext, type Exported, exportArchive } from "./export-archive.ts";
import { theImage } from "./image-name.ts";
import { type Imported, importArchive } from "./import-archive.ts";
import { importDiskFile } from "./import-disk-file.ts";
import { type Pruned, type PruneOptions, planPrune, pruneStore } from "./prune.ts";
import type { ReadContext } from "./read-disks.ts";
import { readRegistry } from "./read-registry.ts";
import type { RegistryImage } from "./registry-image.ts";
import { planRemoval, type Removed, removeImages } from "./remove.ts";
import { type Checked, type VerifyOptions, verifyStore } from "./verify-store.ts";

export { imagesCalled, theImage, unknownImage } from "./image-name.ts";
export type { ImageUser, ImageUsers } from "./image-users.ts";
export type { KeptItem, Pruned, PrunedItem } from "./prune.ts";
export { pruneOrphans } from "./prune.ts";
export { readRegistry } from "./read-registry.ts";
export type { RegistryImage } from "./registry-image.ts";
export { userText } from "./remove.ts";
export { bytesOf, longUnused, storeNotes } from "./store-notes.ts";
export type { Checked } from "./verify-store.ts";

export interface ImageRegistry {
  /** Newest first. A cheap look: no disk is read. */
  list(): Promise<readonly RegistryImage[]>;
  /** The one image that a name, an address or the beginning of a digest means. */
  show(what: string): Promise<RegistryImage>;
  /** Its layers, lowest first. */
  history(digest: string): Promise<readonly ImageRecord[]>;
  /** Reads every byte of these images and of what they stand on; undefined: of the whole store. */
  verify(digests: readonly string[] | undefined, options: VerifyOptions): Promise<readonly Checked[]>;
  /** What {@link prune} would do now. */
  planPrune(options: PruneOptions): Promise<Pruned>;
  /** `only`: what may go, by id. */
  prune(options: PruneOptions & { readonly only?: ReadonlySet<string> }): Promise<Pruned>;
  /** Fails with `image/in-use`; removes nothing. */
  planRemoval(digests: readonly string[]): Promise<Removed>;
  remove(digests: readonly string[]): Promise<Removed>;
  exportArchive(
    digest: string,
    path: string,
    options: { flatten: boolean; context: ExportContext },
  ): Promise<Exported>;
  importArchive(path: string, options: { name?: string; context: ReadContext }): Promise<Imported>;
  importDisk(path: string, options: { name?: string; context: ReadContext }): Promise<ImageRecord>;
}

export function imageRegistry({
  effects,
  home,
}: {
  readonly effects: Effects;
  readonly home: Home;
}): ImageRegistry {
  return {
    list: async () => (await readRegistry(effects, home)).images,
    show: async (what) => theImage((await readRegistry(effects, home)).images, what),
    history: (digest) => layersOf(effects, home, digest),
    verify: (digests, options) => verifyStore(effects, home, digests, options),
    planPrune: (options) => planPrune(effects, home, options),
    prune: (options) => pruneStore(effects, home, options),
    planRemoval: (digests) => planRemoval(effects, home, digests),
    remove: (digests) => removeImages(effects, home, digests),
    exportArchive: (digest, path, options) => exportArchive(effects, home, digest, path, options),
    async importArchive(path, options) {
      // What an import that was killed left may take the room that this one needs.
      await recoverWorkplaces(effects, home);
      return importArchive(effects, home, path, options);
    },
    async importDisk(path, options) {
      await recoverWorkplaces(effects, home);
      return importDiskFile(effects, home, path, options);
    },
  };
}
