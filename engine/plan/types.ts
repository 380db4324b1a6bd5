/**
 * A plan is data: what will change and why (changes), and a flat list of operations that name the operations they
 * wait for. Apply does what the operations say and derives nothing anew.
 */

import type { ImagePin } from "../../providers/provider.ts";
import type {
  Check,
  EnvironmentMember,
  EvaluationValues,
  ImageInputs,
  NetworkInputs,
  OutputDeclaration,
  ResourceType,
  SecretInputs,
  SourceFile,
  VmInputs,
  VolumeInputs,
} from "../config/types.ts";
import type { Json, JsonObject } from "../json.ts";
import type { PowerOverride } from "../state/types.ts";
import type { ImportedMachine } from "./decide-import.ts";

export const PLAN_FORMAT = 1;

export interface Plan {
  readonly format: typeof PLAN_FORMAT;
  readonly tool: string;
  readonly lab: string;
  /**
   * power: machines are started or stopped as they were last applied. build: images and roles are made for the store,
   * and the lab's state stays as it is.
   */
  readonly mode: "normal" | "destroy" | "refresh-only" | "power" | "build";
  /** Of the state; for a lab without one, the lineage that apply will give it. */
  readonly lineage: string;
  /** What the plan was made against; serial 0 when there is no state yet. */
  readonly basis: { readonly serial: number; readonly journalSequence: number };
  /** Only for a lab without a state: the key of the keyed hashes in this plan. */
  readonly sensitiveKey?: string;
  /** Provider name → version. */
  readonly providers: Readonly<Record<string, string>>;
  /** Hashes of lab.toml, its includes, var files, vmlab.lock and every file referred to. */
  readonly sources: readonly SourceFile[];
  /** One for each resource that changes, in the order in which apply gets to them. */
  readonly changes: readonly Change[];
  readonly operations: readonly Operation[];
  /** What the operations carry out, by address. */
  readonly resources: Readonly<Record<string, PlannedResource>>;
  /** Records to write without asking a provider: what refresh found. */
  readonly observations: readonly ObservedUpdate[];
  readonly notes: readonly PlanNote[];
  readonly outputs: readonly OutputDeclaration[];
  /** Those that are evaluated at the end of apply. */
  readonly checks: readonly Check[];
  readonly values: EvaluationValues;
  readonly needs: Needs;
  /** Milliseconds until all is done, with as much at a time as the limits allow; absent when nothing is known. */
  readonly estimateMs?: number;
  readonly dataLoss: readonly DataLoss[];
  /** How many resources stay as they are. */
  readonly unchanged: number;
  /** A VM on an image that fails to boot is removed again instead of being kept for a look. */
  readonly cleanup: boolean;
}

export type Action =
  | "no-op"
  | "create"
  | "update"
  | "replace"
  | "delete"
  | "move"
  | "import"
  | "forget"
  | "build"
  | "start"
  | "stop";

export interface Change {
  readonly address: string;
  readonly type: ResourceType;
  readonly name: string;
  /** The address under which it is recorded, where [[moved]] gives it another one. */
  readonly previousAddress?: string;
  readonly provider: string;
  readonly action: Action;
  /** What the action does in a few words: `download 612 MiB`, `memory 1 GiB → 2 GiB (restart)`. */
  readonly summary: string;
  readonly reasons: readonly Reason[];
  readonly attributes: readonly AttributeChange[];
  /** Declared inputs before and after; sensitive values as hashes or expressions. */
  readonly before?: JsonObject;
  readonly after?: JsonObject;
  /** Where it is declared, `lab.toml:44`; absent for what is no longer declared. */
  readonly place?: string;
  /** Milliseconds. */
  readonly estimateMs?: number;
  /** Numbers (from 1) of the changes in this plan that it waits for. */
  readonly after_changes: readonly number[];
}

/** Why a resource changes. */
export type Reason =
  /** Declared and not in the state. */
  | { readonly kind: "new" }
  /** In the state and no longer declared. */
  | { readonly kind: "removed" }
  /** A declared input differs. */
  | { readonly kind: "attribute"; readonly path: string; readonly change: ChangeClass }
  /** A file that it refers to has other content. */
  | {
      readonly kind: "file";
      readonly path: string;
      readonly added?: number;
      readonly removed?: number;
      /** The changed lines with three around them, as in a unified diff; where the old text was kept. */
      readonly diff?: readonly string[];
    }
  /** Something that it stands on changes. */
  | { readonly kind: "dependency"; readonly address: string }
  /** What exists differs from what was recorded. */
  | { readonly kind: "drift"; readonly what: string }
  /** An earlier apply ended after this phase. */
  | { readonly kind: "resume"; readonly phase: string }
  /** --replace or --upgrade named it, or --destroy. */
  | { readonly kind: "requested"; readonly by: string }
  /** lifecycle.replace_triggered_by names it: an address, `vars.NAME` or `inputs.NAME`. */
  | { readonly kind: "triggered"; readonly by: string }
  /** [[moved]]: it was recorded under another address. */
  | { readonly kind: "moved"; readonly from: string };

export type ChangeClass = "live" | "restart" | "grow" | "provision" | "replace";

export interface AttributeChange {
  readonly path: readonly string[];
  readonly before?: Json;
  readonly after?: Json;
  readonly change: ChangeClass;
  readonly sensitive: boolean;
  /** The value after is known only at apply. */
  readonly unknown: boolean;
}

/** What a resource will be: the inputs, with deferred values as expressions. */
export type PlannedResource =
  | (PlannedBase & { readonly type: "secret"; readonly inputs: SecretInputs })
  | (PlannedBase & { readonly type: "network"; readonly inputs: NetworkInputs })
  | (PlannedBase & { readonly type: "volume"; readonly inputs: VolumeInputs })
  | (PlannedBase & {
      readonly type: "image" | "role";
      readonly inputs: ImageInputs;
      readonly key: string;
      readonly digest?: string;
      readonly pin?: ImagePin;
      /** Made anew although the store has it. */
      readonly fresh?: boolean;
    })
  | (PlannedBase & {
      readonly type: "vm";
      readonly inputs: VmInputs;
      /** Digest of the disk's base when known; else the one that the image has when the operation runs. */
      readonly base?: string;
      /** Login user of the image, used when the VM names none. */
      readonly user: string;
      /** What the images that it stands on ask of the host. */
      readonly requires?: readonly string[];
      readonly triggers?: Readonly<Record<string, string | number>>;
      /** The machine that it is made from instead of being created. */
      readonly imported?: ImportedMachine;
    });

interface PlannedBase {
  readonly address: string;
  readonly name: string;
  readonly provider: string;
  readonly dependsOn: readonly string[];
  readonly preventDestroy: boolean;
  readonly environment?: EnvironmentMember;
  readonly generation: number;
}

/** What an operation does; see engine/apply/steps for each. */
export type Step =
  /** secret: make the value. */
  | "generate"
  /** network: make it, or bring it and its running members to changed inputs. */
  | "network"
  | "disconnect"
  /** volume: make it, make it bigger together with the running VM that has it, put it into the trash. */
  | "allocate"
  | "grow"
  | "trash"
  /** image, role: download, copy, build, or find in the store. */
  | "obtain"
  | "create"
  /** VM: let go of volumes, before another takes them. */
  | "detach"
  | "start"
  | "ready"
  | "provision"
  | "stop"
  /** Take a snapshot of the running machine, before something is done to it that cannot be taken back. */
  | "snapshot"
  /** VM: stand still; save the memory and be off; go on from either. */
  | "pause"
  | "suspend"
  | "resume"
  /** Bring the machine to changed inputs, live or while it is off. */
  | "update"
  /** The replaced machine goes to the trash. */
  | "retire"
  | "delete"
  /** Drop the record (and an image's lease), touch nothing else. */
  | "forget"
  /** Write changed declared inputs that need no provider. */
  | "record"
  /** The record goes under its new address. */
  | "move"
  /** A machine that exists gets a record. */
  | "import";

export interface Operation {
  /** `vm.web:create`. */
  readonly id: string;
  readonly address: string;
  readonly action: Action;
  readonly step: Step;
  readonly provider: string;
  /** Operations that must have succeeded. */
  readonly needs: readonly string[];
  /** Operations that must have ended, well or not. */
  readonly after?: readonly string[];
  /** Milliseconds. */
  readonly estimateMs?: number;
  /** stop: the VM stays off until started again, whatever its declared power. */
  readonly override?: boolean;
  /** stop: at once, without asking the guest. */
  readonly force?: boolean;
}

/** A record to bring up to date without a provider: what refresh found, or declarations that are only recorded. */
export interface ObservedUpdate {
  readonly address: string;
  readonly attributes?: JsonObject;
  /** null: cleared. */
  readonly powerOverride?: PowerOverride | null;
  readonly preventDestroy?: boolean;
  readonly dependsOn?: readonly string[];
  readonly triggers?: Readonly<Record<string, string | number>>;
}

export interface PlanNote {
  readonly address?: string;
  readonly text: string;
}

/** What the plan takes of the host; bytes. Absent figures are not known or not limited. */
export interface Needs {
  readonly download?: number;
  /** What the plan adds. */
  readonly disk?: Figure;
  /** All disks and volumes of the lab when full; only where `limits.disk` is set. */
  readonly disks?: Figure;
  readonly memory?: Figure;
  readonly cpus?: Figure;
}

export interface Figure {
  readonly need: number;
  readonly free: number;
  readonly limit: number;
}

export interface DataLoss {
  readonly address: string;
  readonly what: string;
  /** Bytes. */
  readonly size?: number;
  /** False when the data can be restored from the trash for a while. */
  readonly final: boolean;
}
