/**
 * The configuration as data: what lab.toml says (Lab) and what it stands for (Expansion). Nothing here touches the
 * outside world.
 */
import type { Diagnostic, Range } from "../diagnostics.ts";
import type { Json, JsonObject } from "../json.ts";
import type { FileTexts } from "./expressions/file-function.ts";
import type { SecretKind } from "./secret-kinds.ts";
import type { VariableType } from "./variables.ts";

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

/**
 * A value that is written down as its expression: because it is known only at apply (no `hash`), or because it is
 * sensitive (then `hash`, a keyed hash of the value, when the value is known). Plans and the state hold these, never
 * the value.
 */
export interface Deferred {
  /** The text with its `${…}`, as written. */
  readonly $expr: string;
  /** Key into {@link EvaluationValues.scopes}. */
  readonly scope: string;
  readonly sensitive: boolean;
  /** What the value is checked as and normalised to when it is computed. Default: any JSON value, as it is. */
  readonly as?: "string" | "text" | "user" | "guest-path" | "cpus" | "size" | "port" | "json";
  readonly hash?: string;
}

/** A value, or the expression it will come from. */
export type OrDeferred<T> = T | Deferred;

export interface SecretInputs {
  readonly kind: SecretKind;
  readonly pattern?: string;
  readonly length?: number;
  /** Of a ca and a cert. */
  readonly common_name?: string;
  /** Of a cert: the name of the secret that is its CA, and the digest of that CA's key, so that a new CA means a new
   * certificate. */
  readonly ca?: string;
  readonly issuer?: OrDeferred<string>;
  readonly hosts?: readonly string[];
  readonly usage?: readonly ("server" | "client")[];
}

/** Inputs of a network. */
export interface NetworkInputs {
  /** `10.42.0.0/24`, with the network's own address. */
  readonly cidr: string;
  readonly internet: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** Its members in the order of declaration, for the names that they know each other by. */
  readonly members: readonly NetworkMember[];
}

/** A VM in a network. */
export interface NetworkMember {
  readonly name: string;
  readonly ip: string;
  /** Within its environment a member is known by its short name too. */
  readonly environment?: string;
}

/** A VM's interface in a network: what the VM must be restarted for when it changes. */
export interface InterfaceInputs {
  /** The network. */
  readonly name: string;
  readonly ip: string;
  /** Length of the network's prefix in bits. */
  readonly prefix: number;
  readonly mac: string;
  readonly mtu: number;
  readonly internet: boolean;
}

/** Inputs of a volume. */
export interface VolumeInputs {
  /** Bytes. */
  readonly size: number;
  /** What an empty volume is formatted with. */
  readonly filesystem: "ext4" | "xfs" | "btrfs" | "none";
}

/** A volume in a VM. */
export interface AttachmentInputs {
  /** The volume. */
  readonly name: string;
  /** Absolute path in the guest; absent when the disk is only attached. */
  readonly mount?: string;
  readonly readonly: boolean;
  /** USER or USER:GROUP. */
  readonly owner?: string;
  /** Octal. */
  readonly mode?: string;
}

/** A folder of the host in a VM. */
export interface ShareInputs {
  /** Lab-relative, or absolute when written so. */
  readonly from: string;
  /** Absolute path in the guest. */
  readonly to: string;
  readonly readonly: boolean;
}

/** Inputs of an image or a role. */
export interface ImageInputs {
  readonly source: "url" | "path" | "bootstrap" | "digest" | "build";
  readonly url?: string;
  /** `sha256:HEX`, `sha512:HEX` or `file:URL`. */
  readonly checksum?: string;
  /** Lab-relative, or absolute when written so. */
  readonly path?: string;
  /** Digest of the local file's bytes; filled in with the other files' hashes. */
  readonly sha256?: string;
  readonly bootstrap?: {
    readonly distribution: "debian" | "ubuntu";
    readonly suite: string;
    readonly mirror?: string;
    readonly packages: readonly string[];
    /** Bytes. */
    readonly size: number;
  };
  /** `sha256:HEX` of the disk in the store. */
  readonly digest?: string;
  /** With digest: where an archive of the image is, a lab-relative or absolute path or a URL. */
  readonly archive?: string;
  /** The recipe of a role or a custom image. */
  readonly build?: BuildInputs;
  /** Distribution and release such as `debian-12`, where it is declared or can be told from the source. */
  readonly os?: string;
  readonly user: string;
}

/** A recipe that is carried out on another image. Nothing in it is secret: it ends up in images and their records. */
export interface BuildInputs {
  /** Address of the image or role that it stands on. */
  readonly parent: string;
  /** The role of the catalogue whose steps come first. */
  readonly use?: string;
  /** Options of that role, defaults filled in. */
  readonly options: Readonly<Record<string, string>>;
  /** What it and the images below it ask of the host, such as `nested-virtualization`. */
  readonly requires: readonly string[];
  /** In order: the catalogue role's, then packages, files, scripts, run. */
  readonly steps: readonly ProvisionStep[];
  /** Shell commands that must succeed in a VM booted from the finished image. */
  readonly verify: readonly string[];
  /** Virtual size in bytes. A parent that is bigger decides. */
  readonly disk: number;
  /** The machine it is built in; bytes. Without influence on the key. */
  readonly cpus: number;
  readonly memory: number;
  /** Milliseconds for the whole build. */
  readonly timeoutMs: number;
  /** The user's own Packer template, lab-relative, instead of the one that vmlab writes. */
  readonly packer?: { readonly path: string; readonly sha256?: string };
}

/** Inputs of a VM. Keys are those of the schema wherever a property exists there; sizes in bytes. */
export interface VmInputs {
  /** Name of the image that it stands on; either this or a role. */
  readonly image?: string;
  readonly role?: string;
  /** With a role: what happens when its image is not in the store. */
  readonly on_missing_image?: "build" | "fallback" | "error";
  /** Address of the image that it boots instead of its role's, whose steps it carries out itself. */
  readonly fallback?: string;
  readonly cpus: OrDeferred<number>;
  readonly memory: OrDeferred<number>;
  readonly disk: OrDeferred<number>;
  readonly firmware: "bios" | "uefi";
  readonly machine: string;
  readonly accel: "auto" | "kvm" | "hvf" | "tcg";
  readonly power: "running" | "stopped" | "manual";
  readonly login: {
    readonly user: OrDeferred<string>;
    /** Absent when there is none. */
    readonly password?: OrDeferred<string>;
    /** Public keys themselves (files are read). */
    readonly keys: readonly OrDeferred<string>[];
  };
  /** The user's #cloud-config file, lab-relative; `sha256` is of its bytes when planned. */
  readonly cloud_init?: { readonly path: string; readonly sha256?: string };
  /** Normalised: `ADDRESS:HOST:GUEST/PROTO`, HOST 0 when the kernel chooses. */
  readonly ports: readonly OrDeferred<string>[];
  /** Absent when it is in no network. */
  readonly networks?: readonly InterfaceInputs[];
  /** Absent when it has none. */
  readonly volumes?: readonly AttachmentInputs[];
  /** Absent when it has none. */
  readonly shares?: readonly ShareInputs[];
  readonly labels: Readonly<Record<string, OrDeferred<string>>>;
  readonly env: Readonly<Record<string, OrDeferred<string>>>;
  /** Files, scripts, run. Of a VM that boots the image below its role (fallback): the role's steps first. */
  readonly steps: readonly ProvisionStep[];
  readonly on_change: "rerun" | "replace" | "ignore";
  readonly ready?: { readonly command: OrDeferred<string>; readonly timeoutMs: number };
  readonly timeouts: StageTimeouts;
}

/** Address of the image or role whose disk a VM stands on. */
export function baseAddress({
  image,
  role,
  fallback,
}: Pick<VmInputs, "image" | "role" | "fallback">): string {
  return fallback ?? (role === undefined ? `image.${image}` : `role.${role}`);
}

/** Milliseconds. */
export interface StageTimeouts {
  readonly bootMs: number;
  readonly loginMs: number;
  readonly cloudInitMs: number;
  readonly stepMs: number;
  readonly stopMs: number;
}

/** One provisioning step. `sha256` is of the file's bytes when planned. */
export type ProvisionStep =
  | {
      readonly kind: "file";
      readonly to: OrDeferred<string>;
      readonly mode: string;
      readonly owner: string;
      /** Lab-relative path; either this or content. */
      readonly from?: string;
      readonly sha256?: string;
      readonly content?: OrDeferred<string>;
    }
  | { readonly kind: "script"; readonly path: string; readonly sha256?: string }
  /** A script of the built-in catalogue: `roles/ROLE/SCRIPT`, with the role's options in its environment. */
  | {
      readonly kind: "catalogue-script";
      readonly role: string;
      readonly script: string;
      readonly env: Readonly<Record<string, string>>;
    }
  /** Packages of the distribution, installed with apt. */
  | { readonly kind: "packages"; readonly names: readonly string[] }
  | { readonly kind: "run"; readonly command: OrDeferred<string> };

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
