/** The recorded state: what vmlab made, what it is making, and what it must remember. */
import type { EnvironmentMember, ResourceType } from "../config/types.ts";
import type { Json, JsonObject } from "../json.ts";

/** The version of state.json that this vmlab writes; newer ones are refused. */
export const STATE_VERSION = 1;

/** The whole state: the snapshot in state.json with the journal replayed over it. */
export interface State {
  readonly version: typeof STATE_VERSION;
  /** Identifies the lab for good: 16 lower-case hex digits, chosen by the first apply. */
  readonly lineage: string;
  /** Grows by one with every snapshot. */
  readonly serial: number;
  /** Identity of the host that drives the machines ({@link Host.hostId}). */
  readonly host: string;
  /** Absolute path of the lab's folder. A state that was copied elsewhere is refused. */
  readonly folder: string;
  /** Absolute path of the VMLAB_HOME that holds the machines. */
  readonly home: string;
  readonly lab: string;
  /** Version of vmlab that wrote it. */
  readonly tool: string;
  /** Key of the keyed hashes of sensitive values. Never leaves the state file. */
  readonly sensitiveKey: string;
  /** By address. */
  readonly resources: Readonly<Record<string, ResourceState>>;
  readonly outputs: Readonly<Record<string, OutputState>>;
  /** Operations that were begun and not ended, by operation id. */
  readonly intents: Readonly<Record<string, Intent>>;
  /** Sequence number of the last journal entry that this state contains. */
  readonly journalSequence: number;
}

/** How far a VM got. A failure resumes here. Images and secrets are `complete`. */
export type Phase = "created" | "started" | "ready" | "complete";

export interface ResourceState {
  readonly address: string;
  readonly type: ResourceType;
  readonly name: string;
  readonly provider: string;
  /** Id under which the provider knows it: VM instance id, image digest; absent for secrets. */
  readonly instance?: string;
  /** Counts replacements, from 1. */
  readonly generation: number;
  readonly phase: Phase;
  /** Declared inputs as last carried out; sensitive values as hashes. */
  readonly inputs: JsonObject;
  /** What the provider reported, and what was chosen (digest of the base, ports, the machine type's version). */
  readonly attributes: JsonObject;
  /** Addresses it depended on when it was made: the order in which orphans are deleted. */
  readonly dependsOn: readonly string[];
  readonly preventDestroy: boolean;
  /** What lifecycle.replace_triggered_by named when the machine was made, with what it was then. */
  readonly triggers?: Readonly<Record<string, string | number>>;
  readonly environment?: EnvironmentMember;
  /** Set by stop, pause, suspend and by a poweroff inside; cleared by start and resume. */
  readonly powerOverride?: PowerOverride;
  /** The machine went through all its steps once. */
  readonly provisioned?: boolean;
  /** Keyed hashes of the provisioning steps that are done, in order. */
  readonly stepsDone?: readonly string[];
  /** The new machine of a replacement that is under way; this record describes the old one until it is ready. */
  readonly replacement?: Replacement;
}

export interface Replacement {
  readonly instance: string;
  readonly generation: number;
  readonly inputs: JsonObject;
  readonly attributes: JsonObject;
  readonly phase: Phase;
  /** Whether the old machine ran, and comes back running when the new one never gets ready. */
  readonly restartOld: boolean;
}

export interface PowerOverride {
  /** `paused`: the machine stands still, and is there. */
  readonly state: "stopped" | "suspended" | "paused";
  readonly by: "command" | "guest";
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface OutputState {
  readonly value: Json;
  readonly sensitive: boolean;
}

/** What an operation is about to do, durable before the provider is asked. */
export interface Intent {
  readonly operation: string;
  readonly address: string;
  readonly step: string;
  /** The instance that the step works on; for `create` the id from which folder, UUID and names follow. */
  readonly instance?: string;
  /** In a replacement: the instance that is replaced. */
  readonly previous?: string;
  /** The record that the resource will have when the step is done; without attributes that the provider reports. */
  readonly record?: ResourceState;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** What a journal line says. Replay applies them in order. */
export type JournalEntry =
  | { readonly kind: "intent"; readonly intent: Intent }
  /** The intent is carried out; the resource's record is now this one (null: gone; absent: unchanged). */
  | {
      readonly kind: "done";
      readonly operation: string;
      readonly address: string;
      readonly resource?: ResourceState | null;
    }
  /** The intent was undone or never had an effect. */
  | { readonly kind: "abandoned"; readonly operation: string }
  | { readonly kind: "resource"; readonly address: string; readonly resource: ResourceState | null }
  /** A resource has another address; what others record of it follows. */
  | { readonly kind: "moved"; readonly from: string; readonly to: string }
  | { readonly kind: "outputs"; readonly outputs: Readonly<Record<string, OutputState>> };

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  /** {@link ProcessIdentity.startTime} of that process. */
  readonly startTime: string;
  readonly bootId: string;
  readonly host: string;
  readonly hostName: string;
  readonly user: string;
  /** The command line's verb, such as `apply`. */
  readonly command: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}
