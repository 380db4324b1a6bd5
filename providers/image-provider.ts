/** What the engine needs of whoever obtains and builds images. */
import type { ImageInputs } from "../engine/config/types.ts";
import type { JsonObject } from "../engine/json.ts";
import type { CallContext, LabIdentity } from "./provider.ts";

/** What vmlab.lock keeps of an image that lab.toml leaves open. */
export interface ImagePin {
  /** What the pin belongs to; a pin of another source is void. */
  readonly source: string;
  /** Checksum of the file behind a URL, `sha256:HEX` or `sha512:HEX`. */
  readonly checksum?: string;
  /** Digest of the disk in the store. */
  readonly digest?: string;
  /** Bytes to download. */
  readonly size?: number;
  /** Version of the bootstrap's recipe, or of the template by which a role or custom image is built. */
  readonly recipe?: number;
  /** Version of the catalogue's role that a build uses. */
  readonly catalogue?: number;
  /** Release that a bootstrap installed, such as `12.12`. */
  readonly release?: string;
}

/** What a plan can know of an image. */
export interface ImageResolution {
  /** SHA-256 over the canonical recipe (DESIGN: the image's key). */
  readonly key: string;
  /** Digest, when an image with this key (or the pinned digest) is in the store. */
  readonly digest?: string;
  /** True when the digest is in the store on this host. */
  readonly present: boolean;
  /** Bytes to download, when known. */
  readonly download?: number;
  /** Virtual size in bytes, when known. */
  readonly virtualSize?: number;
  /** The pin to record when the image is obtained. */
  readonly pin?: ImagePin;
  /** Things worth a note in the plan, such as a checksum that will be read at apply. */
  readonly notes: readonly string[];
}

export interface ImageSpec {
  /** `image.web` or `role.docker`. */
  readonly address: string;
  readonly name: string;
  readonly lab: LabIdentity;
  readonly inputs: ImageInputs;
  readonly key: string;
  readonly pin?: ImagePin;
  readonly offline: boolean;
  /** Make it anew although the store has one: what was asked for by --replace. */
  readonly fresh?: boolean;
  /** What a build stands on. */
  readonly parent?: ImageParent;
}

/** The image below a build. */
export interface ImageParent {
  readonly address: string;
  readonly key: string;
  /** Undefined in a plan that has to make it first; always there when obtaining. */
  readonly digest?: string;
}

export interface ObtainedImage {
  readonly digest: string;
  /** `virtual_size` and `size` in bytes, `key`, `created` (ISO 8601), … */
  readonly attributes: JsonObject;
  readonly pin?: ImagePin;
}

export type ImageObservation =
  | { readonly state: "absent" }
  | {
      readonly state: "present";
      readonly virtualSize: number;
      readonly size: number;
      readonly attributes: JsonObject;
    }
  /** Size, time or inode differ from what was recorded. */
  | { readonly state: "changed"; readonly reason: string };

export interface ImageProvider {
  readonly name: string;
  readonly version: string;
  /** Looks at an image for a plan: the store, the pin and, unless offline, the checksum and size behind a URL. With
   * `upgrade` the pin is not used. Writes nothing. */
  resolve(
    spec: Omit<ImageSpec, "key">,
    options: { upgrade: boolean; signal?: AbortSignal },
  ): Promise<ImageResolution>;
  read(digests: readonly string[]): Promise<ReadonlyMap<string, ImageObservation>>;
  /** Downloads, copies or builds; verifies; puts it into the store. With a digest already there for the key: nothing
   * but that. Two processes that want the same key make it once. */
  obtain(spec: ImageSpec, context: CallContext): Promise<ObtainedImage>;
  /** Clears away what crashed downloads and builds left. */
  recover(): Promise<readonly string[]>;
  /** Lines that a plan tells of the store: images (digest by address) that have grown old, space that nobody needs. */
  notes(images: ReadonlyMap<string, string>, now: number): Promise<readonly string[]>;
  /** Removes what nobody has needed for as long as the host's settings keep it. Resolves with lines to tell. */
  tidy(now: number): Promise<readonly string[]>;
}

// ------------------------------------------------------------------------------------------------------ networks
