/**
 * The configuration as data: what lab.toml says (Lab) and what it stands for (Expansion). Nothing here touches the
 * outside world.
 */
import type { Diagnostic, Range } from "../diagnostics.ts";
import type { Json, JsonObject } from "../json.ts";
import type { FileTexts } from "./expressions/file-function.ts";
import type {
  ImageInputs,
  NetworkInputs,
  OrDeferred,
  SecretInputs,
  VmInputs,
  VolumeInputs,
} from "./resource-inputs.ts";
import type { VariableType } from "./variables.ts";

export type * from "./resource-inputs.ts";
export { baseAddress } from "./resource-inputs.ts";

/** Where something was declared: a file and the path of keys in its document. */
export interface Origin {
  readonly file: string;
  readonly path: readonly (string | number)[];
  /** In a module: which environment used it, and where that stands in the lab. */
  readonly usedBy?: { readonly environment: string; readonly origin: Origin };
}

/** lab.toml and its includes, read, merged and validated; expressions not yet evaluated. */
export interface Lab {
  readonly name: string;
  /** Absolute path of the folder that holds lab.toml. */
  readonly folder: string;
  /** Lab-relative path and SHA-256 of lab.toml, its includes, its modules and the var files, in the order read. */
  readonly sources: readonly SourceFile[];
  readonly provider: "qemu" | "fake";
  readonly accel: "auto" | "kvm" | "hvf" | "tcg";
  readonly offline: boolean;
  readonly limits: LabLimits;
  /** The merged document, as validated. */
  readonly document: JsonObject;
  /** What expressions read with `file("…")`, by the path as it is written. */
  readonly files: FileTexts;
  /** The modules that environments have as their source, by the environment's name. */
  readonly modules: ReadonlyMap<string, ModuleFile>;
  /** Values of the variables, defaults filled in, types checked. */
  readonly variables: Readonly<Record<string, VariableValue>>;
  /** Where each named table and list item of the document was declared: `vms.web`, `checks.0` → Origin. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The range of an origin; parses the file again for positions, so only for what is shown. */
  locate(origin: Origin, spot?: Spot): Range | undefined;
  /** The source line of a range, for showing it. */
  sourceLine(range: Range): string | undefined;
}

/** What of an origin is meant. */
export interface Spot {
  /** The key or the value; default: the value of a setting, the header of a table. */
  readonly part?: "key" | "value";
  /** A part of a string value: offsets in the string as TOML decodes it. */
  readonly span?: { readonly start: number; readonly end: number };
}

/** A module as written; expressions not yet evaluated. */
export interface ModuleFile {
  /** Lab-relative path of its TOML file. */
  readonly file: string;
  readonly document: JsonObject;
}

export interface SourceFile {
  readonly path: string;
  readonly sha256: string;
}

/** Limits that a lab sets for itself; bytes. */
export interface LabLimits {
  readonly cpus?: number;
  readonly memory?: number;
  readonly memoryReserve?: number;
  readonly disk?: number;
  readonly diskReserve?: number;
  readonly vms?: number;
}

export interface VariableValue {
  readonly value: Json;
  readonly sensitive: boolean;
}

/** Everything the lab declares, evaluated as far as it can be before apply. */
export interface Expansion {
  /** In a stable order: by declaration. */
  readonly resources: readonly Resource[];
  readonly outputs: readonly OutputDeclaration[];
  readonly checks: EvaluatedChecks;
  readonly diagnostics: readonly Diagnostic[];
  /** What deferred expressions may read: see {@link EvaluationValues}. */
  readonly values: EvaluationValues;
  /** Images that nothing in the lab stands on: built on request only. */
  readonly unneeded?: readonly Resource[];
  /** As in {@link EvaluationValues}, of every environment that a module declares. */
  readonly modules?: Required<Pick<EvaluationValues, "modules" | "groups" | "scopes">>;
}

/** What a lab consists of. A role is an image too: its recipe on another image, built when something needs it. */
export type ResourceType = "secret" | "image" | "role" | "network" | "volume" | "vm";

/** Images and roles are disks in the image store, told apart by what they are called. */
export function isImageType(type: ResourceType): type is "image" | "role" {
  return type === "image" || type === "role";
}

/** One thing that the lab declares. */
export interface Resource {
  /** `vm.k8s-worker-1`. */
  readonly address: string;
  readonly type: ResourceType;
  readonly name: string;
  /** Name of the provider that makes it: `qemu`, `fake`, `images`, `packer`; `engine` for secrets. */
  readonly provider: string;
  /** Declared inputs, normalised. */
  readonly inputs: VmInputs | ImageInputs | SecretInputs | NetworkInputs | VolumeInputs;
  /** Addresses that must be complete (VMs: ready and provisioned) before this one starts. */
  readonly dependsOn: readonly string[];
  readonly origin: Origin;
  readonly preventDestroy: boolean;
  readonly lifecycle?: Lifecycle;
  readonly rolling?: Rolling;
  readonly environment?: EnvironmentMember;
}

/** The group in which a VM takes its turn when it is replaced or restarted. */
export interface Rolling {
  /** `environment.k8s`, or `vm.worker` for a counted VM with a strategy of its own. */
  readonly group: string;
  readonly maxUnavailable: number;
}

/** What a VM's lifecycle says of changes. */
export interface Lifecycle {
  /** Keys of inputs whose changes plan nothing. */
  readonly ignored: "all" | readonly string[];
  /** Addresses whose change replaces it. */
  readonly triggers: readonly string[];
  /** `vars.NAME` → keyed hash of the value, for variables whose change replaces it. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Which member of which environment (or which instance of a counted VM) a resource is. */
export interface EnvironmentMember {
  /** Undefined for a counted VM outside environments. */
  readonly environment?: string;
  readonly member: string;
  /** count: 1-based number; for_each: key. */
  readonly key?: number | string;
}

export interface OutputDeclaration {
  readonly name: string;
  readonly value: OrDeferred<Json>;
  readonly sensitive: boolean;
  readonly description?: string;
}

/** A condition on the lab, `[[checks]]`. */
export interface Check {
  /** Its name, or its number from 1. */
  readonly name: string;
  /** Bare CEL. */
  readonly assert: string;
  /** As written, with `${…}`. */
  readonly message: string;
  readonly severity: "error" | "warning";
  /** Where the assertion stands. */
  readonly range?: Range;
}

/** What became of the checks as far as they can be evaluated now. Those that hold are not listed. */
export interface EvaluatedChecks {
  readonly failed: readonly Diagnostic[];
  /** They read what is known only after apply. */
  readonly deferred: readonly Check[];
}

/**
 * What an expression can read, as far as known when planning. Serialisable: a plan carries the part that its deferred
 * expressions need. At apply, attributes in the state go before those here.
 */
export interface EvaluationValues {
  /** Non-sensitive variables. */
  readonly vars: Readonly<Record<string, Json>>;
  /** Keyed hashes of the sensitive variables that are used; their values are supplied again. */
  readonly sensitiveVars: Readonly<Record<string, string>>;
  /** Known attributes of VMs that deferred expressions refer to, by VM name. In `ports` (guest port → host port) a
   * port that the kernel chooses is null. */
  readonly vms: Readonly<Record<string, JsonObject>>;
  /** VM names of the environments that deferred expressions refer to. */
  readonly environments?: Readonly<Record<string, readonly string[]>>;
  /** Names of the environments that count or for_each make of one, by its name. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** What the environments that deferred expressions refer to have of their modules, by the environment's name. */
  readonly modules?: Readonly<Record<string, ModuleValues>>;
  /** Names of the secrets that deferred expressions refer to. */
  readonly secrets?: readonly string[];
  readonly scopes: Readonly<Record<string, Scope>>;
}

/** What an environment has of its module. */
export interface ModuleValues {
  /** With deferred values inside. */
  readonly inputs: Readonly<Record<string, Json>>;
  readonly outputs: Readonly<Record<string, Json>>;
  /** Name of a secret in the module → its name in the lab. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What is asked of the inputs that are known only at apply. */
  readonly rules: Readonly<Record<string, InputRule>>;
}

/** What an input takes. */
export interface InputRule {
  readonly type: VariableType;
  /** A CEL condition on `value`. */
  readonly check?: string;
}

/** What `self`, `members` and `each` mean for one resource. */
export interface Scope {
  /** The environment whose module the expression stands in. */
  readonly module?: string;
  /** VM name of `self`. */
  readonly self?: string;
  /** Member name → VM name, or VM names of a counted member. */
  readonly members?: Readonly<Record<string, string | readonly string[]>>;
  readonly each?: { readonly key: string; readonly value: Json };
  /** 0-based number of a counted VM, read as `${count.index}`. */
  readonly index?: number;
}
