import type { SecretKind } from "./secret-kinds.ts";
import type { EvaluationValues } from "./types.ts";

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

/** The VM whose disk another one begins with. */
export interface CloneInputs {
  readonly vm: string;
  /** Name of one of its snapshots. */
  readonly snapshot?: string;
  /** Nothing is shared with it. */
  readonly full: boolean;
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
  /** Image or role are then those of the VM that is named here, as they were when it was cloned. */
  readonly clone?: CloneInputs;
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
  /** Absent when vmlab takes none by itself. */
  readonly snapshots?: SnapshotInputs;
}

/** Snapshots that vmlab takes by itself. */
export interface SnapshotInputs {
  /** How many stay. */
  readonly keep: number;
  readonly before_replace: boolean;
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
