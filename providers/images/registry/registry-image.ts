/** An image as the registry shows it: its record, its place in the chains, and who needs it. */
import type { ImageRecord } from "../image-record.ts";
import type { ImageUser } from "./image-users.ts";

export interface RegistryImage {
  readonly digest: string;
  /** What people call it; not unique. */
  readonly name: string;
  /** Undefined when image.json is missing or damaged. */
  readonly record: ImageRecord | undefined;
  /** Digest of the layer below. */
  readonly parent: string | undefined;
  /** Bytes of the disk file as it is now; 0 when it is gone. */
  readonly size: number;
  /** Bytes that the folder takes on the host's disk. */
  readonly allocated: number;
  readonly condition: Condition;
  /** Digests, lowest first, its own last. Ends early, above, where a layer is missing. */
  readonly layers: readonly string[];
  /** Those whose chain has this layer: images and VMs, those in the trash too. */
  readonly sharedBy: { readonly images: number; readonly vms: number };
  /** Those that stand on it directly. */
  readonly users: readonly ImageUser[];
  /** Digests of the images directly above. */
  readonly children: readonly string[];
  /** False when neither it nor an image above it is needed by anybody. */
  readonly needed: boolean;
  /** Since when nobody needs it, milliseconds since the epoch; undefined while needed, or not noticed yet. */
  readonly unusedSince: number | undefined;
}

export type Condition =
  | { readonly state: "present" }
  | { readonly state: "changed"; readonly reason: string }
  | { readonly state: "absent" };
