/**
 * The folder of one VM, $VMLAB_HOME/vms/<id>: what lies where in it, and the two records that are kept there.
 * Everything follows from the instance id, so that after a crash the folder can be found without any other record.
 */

import { join } from "node:path";
import { fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { sha256 } from "../../engine/json.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import type { Accelerator } from "./accel-probe.ts";
import type { Forward } from "./forwards.ts";

/** Paths inside a VM's folder. */
export interface VmFolder {
  readonly id: string;
  readonly root: string;
  /** {@link VmRecord}; written last by create, so that a folder without it is half made. */
  readonly record: string;
  /** {@link Runtime} of the last start. */
  readonly runtime: string;
  /** {@link GuestRecord}. */
  readonly guest: string;
  readonly seedIso: string;
  /** The seed's files, from which it is made again when the VM's networks change. */
  readonly seedFiles: string;
  readonly hostKey: string;
  readonly knownHosts: string;
  readonly uefiVars: string;
  readonly consoleLog: string;
  /** QEMU's own messages and the trace of its state changes, of the last start only. */
  readonly qemuLog: string;
  /** QEMU writes it, keeps it locked, and removes it when it ends in good order. */
  readonly pidFile: string;
  readonly qmpSocket: string;
  readonly consoleSocket: string;
  readonly agentSocket: string;
  /** There while an export copies the disk of the running machine. */
  readonly copyNote: string;
  /** There while a snapshot is taken or restored, or the machine is suspended or resumed. */
  readonly snapshotNote: string;
  /** There while a clone makes the VM go on in a new layer. */
  readonly layerNote: string;
  /** {@link SavedMachine}; there while the machine is suspended. */
  readonly suspended: string;
  /** {@link SnapshotRecord}s, one file each. */
  readonly snapshots: string;
  /** Only in the trash: {@link TrashedVm} without its size. */
  readonly trashRecord: string;
}

/**
 * One layer of a disk, lowest first: a disk of the image store, a layer that clones share (its id), or a file in the
 * VM's folder. The last is the VM's own.
 */
export type DiskLayer = { readonly digest: string } | { readonly shared: string } | { readonly file: string };

/** What was made: the content of vm.json. */
export interface VmRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly lab: { readonly name: string; readonly lineage: string };
  readonly user: string;
  readonly layers: readonly DiskLayer[];
  /** Virtual size of the disk in bytes. */
  readonly disk: number;
  /** Machine type in its versioned form. */
  readonly machine: string;
  readonly firmware: "bios" | "uefi";
  /** Path of the UEFI code image; only with firmware uefi. */
  readonly uefiCode?: string;
  /** Address of the user-mode network card. */
  readonly mac: string;
  /** Its seed holds a #cloud-config of the user's: cloud-init has to run. */
  readonly cloudConfig?: true;
  /** The guest's public host key. */
  readonly hostKey: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The last start and what became of it as far as vmlab itself caused it: the content of runtime.json. */
export interface Runtime {
  readonly version: 1;
  /** `stopping` and `stopped`: on vmlab's own wish, however it ended. */
  readonly state: "starting" | "running" | "stopping" | "stopped";
  readonly bootId: string;
  readonly pid?: number;
  readonly startTime?: string;
  readonly accel: Accelerator;
  /** With the host ports really in use; the one for SSH first. */
  readonly forwards: readonly Forward[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Length of console.log when it was started: what follows belongs to this start. */
  readonly consoleOffset: number;
}

/** What the guest was last given: the content of guest.json. */
export interface GuestRecord {
  readonly version: 1;
  readonly keys: readonly string[];
  /** crypt(3) hash; absent when the user has no password. */
  readonly passwordHash?: string;
  /** Disk size in bytes that the guest's file system was grown to. */
  readonly disk: number;
  /** {@link hostsMark} of the names that it was told; absent for none. */
  readonly hosts?: string;
  /** Its hostname, as far as vmlab gave it. */
  readonly name?: string;
  /** Mark of the volumes and shared folders that it was told to mount; absent for none. */
  readonly mounts?: string;
}

/** The paths under an instance id. */
export function vmFolder(home: Home, id: string): VmFolder {
  return folderAt(join(home.vms, id), id);
}

/** The paths under an instance id in the trash. */
export function trashFolder(home: Home, id: string): VmFolder {
  return folderAt(join(home.trash, id), id);
}

function folderAt(root: string, id: string): VmFolder {
  return {
    id,
    root,
    record: join(root, "vm.json"),
    runtime: join(root, "runtime.json"),
    guest: join(root, "guest.json"),
    seedIso: join(root, "seed.iso"),
    seedFiles: join(root, "seed"),
    hostKey: join(root, "host_ed25519"),
    knownHosts: join(root, "known_hosts"),
    uefiVars: join(root, "uefi-vars.qcow2"),
    consoleLog: join(root, "console.log"),
    qemuLog: join(root, "qemu.log"),
    pidFile: join(root, "qemu.pid"),
    qmpSocket: join(root, "qmp.sock"),
    consoleSocket: join(root, "console.sock"),
    agentSocket: join(root, "qga.sock"),
    copyNote: join(root, "copy.json"),
    snapshotNote: join(root, "snapshot.json"),
    layerNote: join(root, "layer.json"),
    suspended: join(root, "suspended.json"),
    snapshots: join(root, "snapshots"),
    trashRecord: join(root, "trash.json"),
  };
}

/** File name of the layer that the VM writes to. */
export function activeLayer(vm: Pick<VmRecord, "id" | "layers">): string {
  const active = vm.layers.at(-1);
  if (active === undefined || !("file" in active)) throw new Error(`${vm.id} has no layer of its own`);
  return active.file;
}

/** QEMU's node name of that layer: it tells for whoever speaks to a running machine which file it writes to. */
export function diskNode(vm: Pick<VmRecord, "id" | "layers">): string {
  return nodeOf(activeLayer(vm));
}

/** `disk-1` of `disk-1.qcow2`. */
export function nodeOf(layerFile: string): string {
  return layerFile.replace(/\.qcow2$/, "");
}

/** The machine's UUID; QEMU's command line carries it, which identifies the process. */
export function uuidOf(id: string): string {
  const h = sha256(`vmlab vm uuid ${id}`);
  // Version 8 (RFC 9562: content is the maker's own), variant 10.
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** Address of the user-mode card, in QEMU's own range. */
export function macOf(id: string): string {
  const h = sha256(`vmlab user-mode card ${id}`);
  return `52:54:00:${h.slice(0, 2)}:${h.slice(2, 4)}:${h.slice(4, 6)}`;
}

/** Refuses folders whose sockets the system could not bind: sun_path holds 108 bytes on Linux, 104 on macOS. */
export function checkSocketPaths(folder: VmFolder, platform: NodeJS.Platform): void {
  const limit = (platform === "linux" ? 108 : 104) - 1;
  const longest = [folder.qmpSocket, folder.consoleSocket, folder.agentSocket]
    .map((path) => ({ path, length: Buffer.byteLength(path) }))
    .reduce((a, b) => (b.length > a.length ? b : a));
  if (longest.length <= limit) return;
  fail({
    code: "qemu/socket-path-too-long",
    summary: `the folder of vmlab's data is too deep: ${folder.root}`,
    detail: `The system allows ${limit} bytes for the path of a socket; ${longest.path} has ${longest.length}.`,
    hint: "Set VMLAB_HOME to a folder with a shorter path.",
  });
}

/** vm.json; undefined when the VM is absent or half made. */
export async function readVmRecord(effects: Effects, folder: VmFolder): Promise<VmRecord | undefined> {
  return await readRecord<VmRecord>(effects, folder.record, "the VM's record");
}

/** vm.json of a VM that has to exist. */
export async function requireVm(effects: Effects, folder: VmFolder): Promise<VmRecord> {
  const vm = await readVmRecord(effects, folder);
  if (vm !== undefined) return vm;
  return fail({
    code: "qemu/no-such-vm",
    summary: `there is no VM with the id ${folder.id}`,
    detail: `${folder.record} does not exist.`,
    hint: "Run `vmlab plan` to see what the lab would make.",
  });
}

/** runtime.json; undefined when the VM was never started. */
export async function readRuntime(effects: Effects, folder: VmFolder): Promise<Runtime | undefined> {
  return await readRecord<Runtime>(effects, folder.runtime, "the record of its last start");
}

/** guest.json; undefined when the VM is half made. */
export async function readGuestRecord(effects: Effects, folder: VmFolder): Promise<GuestRecord | undefined> {
  return await readRecord<GuestRecord>(effects, folder.guest, "the record of the guest");
}

/** Undefined also where the record is damaged: for what must work all the same, such as stopping the machine. */
export async function unlessDamaged<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isDiagnosticsError(error)) return undefined;
    throw error;
  }
}

/** Writes one of the records, durably. */
export async function writeRecord(
  effects: Effects,
  path: string,
  record: VmRecord | Runtime | GuestRecord,
): Promise<void> {
  await effects.files.write(path, `${JSON.stringify(record, undefined, 2)}\n`);
}

async function readRecord<T extends { readonly version: 1 }>(
  effects: Effects,
  path: string,
  what: string,
): Promise<T | undefined> {
  const text = await readTextIfThere(effects.files, path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && (value as { version?: unknown }).version === 1)
    return value as T;
  return fail({
    code: "qemu/bad-record",
    summary: `${what} cannot be read: ${path}`,
    detail:
      "The file is not what this version of vmlab writes; it was edited, damaged, or written by a newer version.",
    hint: "Restore the file from a backup, or replace the VM: vmlab apply --replace vm.NAME",
  });
}
