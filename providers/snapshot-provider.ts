/** What the engine needs of whoever takes snapshots of machines. */
import type { JsonObject } from "../engine/json.ts";
import type { CallContext, VmSpec } from "./provider.ts";

/** A machine at one moment. */
export interface Snapshot {
  readonly name: string;
  readonly description?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Taken while the machine ran: restored, it goes on from that moment. Without it, it holds disks only. */
  readonly memory: boolean;
  /** Bytes that its memory takes on the disk. What the guest changes later comes on top, and is nobody's alone. */
  readonly size: number;
  /** The snapshot that the machine was at before. */
  readonly parent?: string;
  /** Those that were taken of several machines at one moment share it. */
  readonly group?: string;
  /** The volumes that are in it, with the size in bytes that they had. */
  readonly volumes: readonly { readonly name: string; readonly size: number }[];
  /** What the engine gave with it. */
  readonly record: JsonObject;
}

export interface TakeRequest {
  /** The machine as it is. */
  readonly spec: VmSpec;
  readonly name: string;
  readonly description?: string;
  readonly record: JsonObject;
  readonly context: CallContext;
}

export interface RestoreRequest {
  /** The machine as it was when the snapshot was taken. */
  readonly spec: VmSpec;
  /** Ids of the volumes that the machine has now. */
  readonly volumes: readonly string[];
  readonly name: string;
  readonly context: CallContext;
}

export interface SnapshotProvider {
  /** Oldest first; an entry for each id asked. */
  list(ids: readonly string[]): Promise<ReadonlyMap<string, readonly Snapshot[]>>;
  /**
   * Snapshots of all at one moment, or of none: where one fails, the others' are removed again. What runs stands still
   * meanwhile, and goes on in any case.
   */
  take(requests: readonly TakeRequest[]): Promise<void>;
  /** Fails with what stands in the way of a restore. Changes nothing. */
  check(requests: readonly RestoreRequest[]): Promise<void>;
  /**
   * What was running when it was taken runs when this resolves, all at the same moment; anything else is off. What the
   * machines hold now is lost. Resolves with the attributes to record, by id. Where one fails, all are off. Again after
   * a crash, it begins anew.
   */
  restore(requests: readonly RestoreRequest[]): Promise<ReadonlyMap<string, JsonObject>>;
  /** One that is gone is no error. Those that came after it stay whole. */
  remove(id: string, name: string, context: CallContext): Promise<void>;
}

/** The name is part of paths, and QEMU takes digits alone for a number of its own. */
export function isSnapshotName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !/^\d+$/.test(name);
}
