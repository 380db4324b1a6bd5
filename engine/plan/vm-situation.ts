/** All that is known of a VM when the plan decides what happens to it. */
import type { VmObservation } from "../../providers/provider.ts";
import type { Resource } from "../config/types.ts";
import type { ResourceState } from "../state/types.ts";
import type { Triggers } from "./triggers.ts";

/** The image that a VM stands on, as the plan leaves it. */
export interface PlannedBase {
  readonly address: string;
  /** Undefined while it has to be built. */
  readonly digest: string | undefined;
  /** The same bytes are got again: VMs on it stay, new ones take what the image then is. */
  readonly restored: boolean;
  readonly user: string;
  /** What it asks of the host. */
  readonly requires: readonly string[];
  /** Of its disk, in bytes, when it is in the store. */
  readonly size?: number;
}

export interface VmSituation {
  readonly resource: Resource;
  readonly recorded: ResourceState | undefined;
  /** Undefined when nobody looked: the record is believed. */
  readonly observation: VmObservation | undefined;
  readonly base: PlannedBase;
  /** Addresses of volumes that the plan makes anew. */
  readonly renewed: ReadonlySet<string>;
  /** --replace names it. */
  readonly requested: boolean;
  readonly triggers?: Triggers | undefined;
  /** Now, in milliseconds since the epoch. */
  readonly now: number;
}
