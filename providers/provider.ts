/**
 * The interface every provider implements. The engine knows providers only through it: no local path, pid or socket
 * appears here, so that a cluster behind a REST API fits as well as QEMU on this machine.
 *
 * Every method is idempotent on the instance id: called again after a crash, it finds what exists under that id and
 * goes on from there. Expected failures are DiagnosticsError.
 */
import type { StageTimeouts } from "../engine/config/types.ts";
import type { Diagnostic } from "../engine/diagnostics.ts";
import type { Connection, OpenProcess } from "../engine/effects.ts";
import type { Progress } from "../engine/events.ts";
import type { JsonObject } from "../engine/json.ts";
import type { ImageProvider } from "./image-provider.ts";
import type { SnapshotProvider } from "./snapshot-provider.ts";
import type { VmUsage } from "./usage.ts";
import type { VolumeProvider, VolumeSpec } from "./volume-provider.ts";

export type * from "./image-provider.ts";
export type * from "./snapshot-provider.ts";
export type * from "./usage.ts";
export type * from "./volume-provider.ts";

/** What a lab is to a provider. */
export interface LabIdentity {
  readonly name: string;
  readonly lineage: string;
  /** Absolute path of the lab's folder; files that inputs name lie below or are absolute. */
  readonly folder: string;
}

/** Handed to every long call. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** A short phrase for what is going on now, and how far it is; or that it waits for its turn. */
  readonly progress: (phase: string, progress?: Progress, state?: "queued") => void;
  /** A line of output of a guest or builder. */
  readonly output: (line: string) => void;
}

/** Handed to a provisioning step. */
export interface StepContext extends CallContext {
  /** Told how what was run in the guest ended: its exit code, null when a signal or the deadline ended it. */
  readonly exited?: (code: number | null) => void;
}

// ---------------------------------------------------------------------------------------------------------- VMs

/** The declared inputs of a VM with every expression evaluated: secrets in clear, sizes in bytes. */
export interface VmSpec {
  /** 12 lower-case hex digits, chosen by the engine; folder, UUID and file names follow from it. */
  readonly id: string;
  readonly name: string;
  readonly lab: LabIdentity;
  /** The image its disk stands on. */
  readonly base: { readonly digest: string; readonly user: string };
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly firmware: "bios" | "uefi";
  readonly machine: string;
  readonly accel: "auto" | "kvm" | "hvf" | "tcg";
  readonly user: string;
  readonly password?: string;
  readonly keys: readonly string[];
  /** The user's #cloud-config, which is merged into the machine's own when it is created. Given to create only. */
  readonly cloudConfig?: string;
  /** The machine whose disk this one's begins with, in place of an empty layer on `base`. Given to create only. */
  readonly clone?: CloneSpec;
  readonly ports: readonly PortForward[];
  readonly networks?: readonly InterfaceSpec[];
  /** What other members of its networks are called; asked for when the guest is told. */
  readonly hosts?: () => readonly HostEntry[];
  readonly volumes?: readonly AttachmentSpec[];
  readonly shares?: readonly ShareSpec[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly ready?: { readonly command: string; readonly timeoutMs: number };
  readonly timeouts: StageTimeouts;
  /** Sensitive values may be missing here: password and keys of the guest are left as they are. */
  readonly partial?: boolean;
}

/** Where a clone comes from. */
export interface CloneSpec {
  /** Id of a machine of the same lab, which may run; nobody else changes it meanwhile. It keeps all that it has. */
  readonly source: string;
  /** Name of one of its snapshots, instead of what its disk holds now. */
  readonly snapshot?: string;
  /** Copies what it has written since its image, instead of sharing it. */
  readonly full: boolean;
}

/** An interface in a network. */
export interface InterfaceSpec {
  /** {@link NetworkSpec.id}. */
  readonly network: string;
  readonly name: string;
  readonly ip: string;
  /** Bits. */
  readonly prefix: number;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** False in one network is enough: the VM then has no way out. */
  readonly internet: boolean;
}

/** A volume in a VM. */
export interface AttachmentSpec {
  /** {@link VolumeSpec.id}. */
  readonly id: string;
  readonly name: string;
  /** Absolute path in the guest; absent when the disk is only attached. */
  readonly mount?: string;
  readonly readonly: boolean;
  /** USER or USER:GROUP, and octal permissions, of the mounted folder. */
  readonly owner?: string;
  readonly mode?: string;
  readonly filesystem: VolumeSpec["filesystem"];
  /** Bytes. */
  readonly size: number;
}

/** A folder of the host in a VM. */
export interface ShareSpec {
  /** Absolute. */
  readonly from: string;
  /** Absolute path in the guest. */
  readonly to: string;
  readonly readonly: boolean;
}

/** A line of /etc/hosts; the canonical name first. */
export interface HostEntry {
  readonly ip: string;
  readonly names: readonly string[];
}

/** A forwarded port. `host` 0: the kernel chooses. */
export interface PortForward {
  readonly address: string;
  readonly host: number;
  readonly guest: number;
  readonly protocol: "tcp" | "udp";
}

/** A port of this host that leads into a VM; `host` is the real one. */
export interface ForwardedPort extends PortForward {
  /** `ssh` is vmlab's own way in, `declared` stands in lab.toml, `temporary` lasts until the VM stops. */
  readonly purpose: "ssh" | "declared" | "temporary";
}

/** What a provider found under an instance id. */
export type VmObservation =
  | { readonly state: "absent" }
  /** Something is there but creating it did not finish. */
  | { readonly state: "incomplete" }
  /** The machine is whole and off. `clean` is false when it died without a shutdown (kill, crash, host reboot). */
  | {
      readonly state: "stopped";
      readonly clean: boolean;
      readonly reason?: string;
      /** Its memory is saved: the next start goes on from there. */
      readonly suspended?: true;
      readonly attributes: JsonObject;
    }
  | {
      readonly state: "running";
      readonly paused: boolean;
      /** Why it stands still: asked to, the host's disk (full, or failing), its guest's own crash, or the host's. */
      readonly pausedBy?: "user" | "disk-full" | "guest" | "host";
      readonly attributes: JsonObject;
      /** The ports that are bound now, SSH's own first. */
      readonly forwards: readonly ForwardedPort[];
    }
  /** It exists but cannot be used: a layer is missing or damaged. */
  | { readonly state: "broken"; readonly reason: string; readonly attributes: JsonObject };

/** A provisioning step, evaluated. */
export type GuestStep =
  /** `content` is the bytes to write. */
  | {
      readonly kind: "file";
      readonly label: string;
      readonly to: string;
      readonly mode: string;
      readonly owner: string;
      readonly content: Buffer;
    }
  /** `env` comes on top of the spec's. */
  | {
      readonly kind: "script";
      readonly label: string;
      readonly content: Buffer;
      readonly env?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "run"; readonly label: string; readonly command: string };

export interface ExecResult {
  /** The command's exit code; null when ended by a signal or the deadline. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How OpenSSH reaches a VM; for `ssh-config`, `inventory` and interactive sessions. */
export interface SshAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Path of the private key, as the system knows it. */
  readonly keyFile?: string;
  /** Options as OpenSSH's configuration spells them, such as `IdentityFile` → path. */
  readonly options: Readonly<Record<string, string>>;
}

/** A VM moved to the trash. */
export interface TrashedVm {
  readonly id: string;
  readonly name: string;
  readonly lab: string;
  readonly lineage: string;
  /** Milliseconds since the epoch. */
  readonly deletedAt: number;
  /** Bytes on disk. */
  readonly size: number;
  readonly reason: string;
  /** The state's record of the VM, for restoring it. */
  readonly record: JsonObject;
}

/** What becomes of a VM that is exported. */
export interface ExportOptions {
  /** What people call the image. */
  readonly name: string;
  /** Also while the VM runs: its file systems stand still for the moment at which the copy begins. */
  readonly live: boolean;
  /** A snapshot of the VM instead of what its disk holds now. */
  readonly snapshot?: string;
  /** Takes the disk as a power cut would leave it, where neither a shutdown nor the guest agent vouches for it. */
  readonly crashConsistent: boolean;
  readonly compress: "zstd" | "zlib" | "none";
  /** Stands alone, instead of on the image that the VM stands on. */
  readonly flatten: boolean;
  /** Removes what would make two machines the same: machine-id, host keys, logs, cloud-init's memory. */
  readonly seal: boolean;
  /** Boots a throw-away VM from the image before it counts. */
  readonly verify: boolean;
}

export interface ExportedImage {
  readonly digest: string;
  /** As {@link ObtainedImage}'s; `user` is the login user of VMs on it. */
  readonly attributes: JsonObject;
}

export interface VmProvider {
  readonly name: string;
  /** Part of a saved plan: a plan made with another version is refused. */
  readonly version: string;
  /** True when its VMs use this host's memory, CPUs and disk, so that limits and reservations apply. */
  readonly usesHost: boolean;
  /** Problems of this host that would make the VMs of a plan fail (missing programs, no UEFI firmware, …). */
  check(needs: {
    readonly uefi: boolean;
    readonly accels: readonly string[];
    /** Accelerators of machines whose guests run machines of their own. */
    readonly nested: readonly VmSpec["accel"][];
  }): Promise<readonly Diagnostic[]>;

  /** What exists, in one batch; one entry for each id asked. Never runs probes in guests. */
  read(ids: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, VmObservation>>;
  /** What machines take of the host, by id: those asked for that exist, or, without ids, those of every lab. */
  usage(ids?: readonly string[]): Promise<ReadonlyMap<string, VmUsage>>;

  /** Makes disk, identity and seed, without starting anything. Resolves with attributes to record. */
  create(spec: VmSpec, context: CallContext): Promise<JsonObject>;
  /** Fails with what stands in the way of a start. Changes nothing. */
  checkStart(spec: VmSpec): Promise<void>;
  /** Powers on. Resolves with attributes to record once the machine runs (not: is ready). One that stands still, or whose
   * memory is saved, goes on where it was, with its clock set; saved memory is used once. */
  start(spec: VmSpec, context: CallContext): Promise<JsonObject>;
  /** Waits, in stages, until a login works and cloud-init is done; fails with evidence. Brings the guest up to date
   * (keys, password) where it was changed while the VM was off. Runs no ready command. */
  ready(spec: VmSpec, context: CallContext): Promise<JsonObject>;
  /** Runs the user's ready.command until it succeeds or its time is over. */
  readyCommand(spec: VmSpec, context: CallContext): Promise<void>;
  /** Runs it once, with a short deadline. Resolves with why it failed; undefined when it succeeded or there is none. */
  probe(spec: VmSpec, context: CallContext): Promise<string | undefined>;
  /** Carries out one provisioning step as root, with the spec's env. Fails with the tail of its output. */
  provision(spec: VmSpec, step: GuestStep, context: StepContext): Promise<void>;
  /**
   * Brings a machine to the spec: live what can be live (ports, keys, password, labels, disk growth, more volumes), the
   * rest when off. The engine has stopped it before where the schema's change class says restart.
   */
  update(spec: VmSpec, context: CallContext): Promise<JsonObject>;
  /** Brings the names in `spec.hosts` to a running guest. */
  tellHosts(spec: VmSpec, context: CallContext): Promise<void>;
  /** Lets go of every volume that is not in `spec.volumes`: a running guest unmounts it first. Fails, with all of them
   * attached, while something in the guest uses one. */
  detach(spec: VmSpec, context: CallContext): Promise<void>;
  /** Makes a running machine stand still. One that does already is no error. */
  pause(id: string, context: CallContext): Promise<void>;
  /** Saves memory and devices beside the disks, then powers off. Fails, with the machine going on, where that cannot be. One
   * that is suspended already is no error. */
  suspend(spec: VmSpec, context: CallContext): Promise<void>;
  /** Stops: power button → quit → kill, or at once with `force`. A stopped VM is no error. Saved memory is given up with
   * `force`, and kept without. */
  stop(id: string, options: { timeoutMs: number; force?: boolean }, context: CallContext): Promise<void>;
  /** Removes a stopped machine: into the trash with `trash`, else for good. Its saved memory is given up. What is absent is
   * no error. */
  remove(id: string, options: { trash?: Omit<TrashedVm, "size" | "id"> }): Promise<void>;
  /** Called after the last VM of a lab is gone: removes the lab's key and anything else kept for it. */
  forgetLab(lab: LabIdentity): Promise<void>;

  /** Runs a command through the guest's shell as the login user (or root), output streamed to context.output. */
  exec(
    id: string,
    command: string,
    options: { asRoot?: boolean; input?: string | Buffer; timeoutMs?: number },
    context: CallContext,
  ): Promise<ExecResult>;
  /** As {@link VmProvider.exec}, with the streams open: for what is long, big or has no end. An abort ends it. */
  open(
    id: string,
    command: string,
    options: { asRoot?: boolean; onStderr?: (data: Buffer) => void },
    signal: AbortSignal,
  ): Promise<OpenProcess>;
  ssh(id: string): Promise<SshAccess>;
  /** Forwards a port of this host into a running VM until it stops. Where one leads there already, that one is given
   * back. The caller keeps others from changing the VM meanwhile, as in the next. */
  addPort(id: string, port: PortForward, signal: AbortSignal): Promise<ForwardedPort>;
  /** Takes a temporary port away again; one that is not there is no error. */
  removePort(id: string, port: PortForward, signal: AbortSignal): Promise<void>;
  /** Opens the serial console of a running VM. */
  openConsole(id: string, signal?: AbortSignal): Promise<Connection>;
  /** The recorded serial console: its last `lines` lines. */
  consoleLog(id: string, lines: number): Promise<readonly string[]>;
  /** Cuts what the machines' logs have grown to, also while they run. */
  trimLogs(ids: readonly string[]): Promise<void>;

  /** Makes an image of the VM's disk and puts it into the store. The VM stays as it is: what runs goes on, what is off
   * stays off. Interrupted, it leaves neither an image nor anything at the VM. The caller keeps others from starting,
   * stopping or removing the VM meanwhile. */
  exportImage(id: string, options: ExportOptions, context: CallContext): Promise<ExportedImage>;

  readonly snapshots: SnapshotProvider;

  trash(): Promise<readonly TrashedVm[]>;
  /** Moves a VM back out of the trash under its id. */
  restoreFromTrash(id: string): Promise<void>;
  emptyTrash(id: string): Promise<void>;
}

// -------------------------------------------------------------------------------------------------------- images

export interface NetworkSpec {
  /** 12 lower-case hex digits, which follow from the lab's lineage and the network's name. */
  readonly id: string;
  readonly name: string;
  readonly lab: LabIdentity;
}

/** Layer-2 segments between VMs. No two share frames. */
export interface NetworkProvider {
  /** Idempotent: a network that exists stays as it is. Resolves with attributes to record. */
  create(spec: NetworkSpec, context: CallContext): Promise<JsonObject>;
  /** Ids of those that exist. */
  read(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** What is absent is no error. Nobody is in it any more. */
  remove(id: string): Promise<void>;
}

/** Everything the engine needs of the outside for one lab. */
export interface Providers {
  readonly vm: VmProvider;
  readonly network: NetworkProvider;
  readonly volume: VolumeProvider;
  readonly image: ImageProvider;
}
