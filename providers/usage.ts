/** What machines and volumes take of the host that they are on. */

/** The lab that a machine or volume belongs to. */
export interface UsageLab {
  readonly name: string;
  readonly lineage: string;
}

/** Space on the host's disk, in bytes. */
export interface DiskUsage {
  /** What the guest may fill: the virtual size. */
  readonly size: number;
  /** What it takes now, snapshots included, but not the image that it stands on. */
  readonly allocated: number;
  /** How much more it comes to take when the guest fills it. What a snapshot holds is kept beside that. */
  readonly growth: number;
}

/** A machine; counters and memory of one that runs, as far as the system tells. */
export interface VmUsage {
  readonly id: string;
  readonly name: string;
  /** Absent where the provider does not know. */
  readonly lab?: UsageLab;
  /** Milliseconds since the epoch: when this was looked at. */
  readonly time: number;
  readonly disk: DiskUsage;
  /** Absent while it is off. */
  readonly running?: RunningUsage;
}

/** Counters begin with 0 when the machine is powered on. */
export interface RunningUsage {
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  /** Milliseconds of the host's CPUs. */
  readonly cpuMs?: number;
  /** Bytes of the host's RAM. */
  readonly resident?: number;
  /** Bytes that the guest has read from and written to its disks and volumes. */
  readonly read?: number;
  readonly written?: number;
  /** Packets over all its network cards. Counters of 16 bits: 65535 is followed by 0. */
  readonly packets?: { readonly received: number; readonly sent: number };
}

export interface VolumeUsage {
  readonly id: string;
  readonly name: string;
  readonly lab: UsageLab;
  readonly disk: DiskUsage;
}
