/** What the engine needs of whoever keeps volumes. */
import type { JsonObject } from "../engine/json.ts";
import type { CallContext, LabIdentity, TrashedVm } from "./provider.ts";
import type { VolumeUsage } from "./usage.ts";

export interface VolumeSpec {
  /** 12 lower-case hex digits, chosen by the engine. */
  readonly id: string;
  readonly name: string;
  readonly lab: LabIdentity;
  /** Bytes. */
  readonly size: number;
  /** What a VM that mounts it formats it with while it is empty. */
  readonly filesystem: "ext4" | "xfs" | "btrfs" | "none";
}

export type VolumeObservation =
  | { readonly state: "absent" }
  /** Something is there but making it did not finish. */
  | { readonly state: "incomplete" }
  | { readonly state: "present"; readonly attributes: JsonObject };

/** A volume in the trash: as a VM there. */
export type TrashedVolume = TrashedVm;

/** Disks that outlive the VMs they are attached to. */
export interface VolumeProvider {
  /** An empty disk that takes no space yet. A whole one under this id stays as it is. Resolves with attributes to
   * record. */
  create(spec: VolumeSpec, context: CallContext): Promise<JsonObject>;
  /** One entry for each id asked. */
  read(ids: readonly string[]): Promise<ReadonlyMap<string, VolumeObservation>>;
  /** What the volumes of every lab take of the host. */
  usage(): Promise<readonly VolumeUsage[]>;
  /** Makes the disk as big as `spec.size`, also while one of the VMs `holders` (ids) has it and runs. One that is as
   * big already is no error. The file system in it is brought after it by the VM's update or ready. */
  grow(spec: VolumeSpec, holders: readonly string[], context: CallContext): Promise<JsonObject>;
  /** Into the trash with `trash`, else for good. No VM has it any more. What is absent is no error. */
  remove(id: string, options: { trash?: Omit<TrashedVolume, "size" | "id"> }): Promise<void>;
  trash(): Promise<readonly TrashedVolume[]>;
  /** Moves a volume back out of the trash under its id; one that is back already is no error. */
  restoreFromTrash(id: string): Promise<void>;
  emptyTrash(id: string): Promise<void>;
}
