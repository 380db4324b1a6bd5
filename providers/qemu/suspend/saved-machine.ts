/**
 * suspended.json in a VM's folder: the machine is off, and its memory is inside its disks, under a name of its own. While
 * it is there, the next start loads that memory instead of booting; it goes as soon as the guest runs again.
 */
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import type { VmSpec } from "../../provider.ts";
import type { Accelerator } from "../accel-probe.ts";
import type { SnapshotVolume } from "../snapshot/snapshot-record.ts";
import type { VmFolder, VmRecord } from "../vm-folder.ts";

export interface SavedMachine {
  readonly version: 1;
  /** Its name inside the disks. */
  readonly tag: string;
  /** Milliseconds since the epoch. */
  readonly savedAt: number;
  /** Volumes that it is in beside the VM's own disks. */
  readonly volumes: readonly SnapshotVolume[];
  readonly accel: Accelerator;
  /** In which slots the guest found the devices that may come and go, by their ids. */
  readonly slots: Readonly<Record<string, string>>;
  readonly shape: MachineShape;
}

/** What the memory fits: it can be loaded into a machine that is the same in all of this. Sizes in bytes. */
export interface MachineShape {
  readonly machine: string;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  /** Addresses of the network cards, in their order. */
  readonly networks: readonly string[];
  /** In their order, with `(read-only)` behind those that are. */
  readonly volumes: readonly string[];
  readonly shares: readonly string[];
}

export function shapeOf(vm: VmRecord, spec: VmSpec): MachineShape {
  const marked = (name: string, readonly: boolean) => (readonly ? `${name} (read-only)` : name);
  return {
    machine: vm.machine,
    cpus: spec.cpus,
    memory: spec.memory,
    disk: vm.disk,
    networks: (spec.networks ?? []).map(({ mac }) => mac),
    volumes: (spec.volumes ?? []).map(({ name, readonly }) => marked(name, readonly)),
    shares: (spec.shares ?? []).map(({ to, readonly }) => marked(to, readonly)),
  };
}

/** As messages name it. */
export function memoryOf(vm: string): string {
  return `the saved memory of ${vm}`;
}

/** Undefined when nothing is saved. */
export async function readSaved(
  effects: Pick<Effects, "files">,
  folder: VmFolder,
): Promise<SavedMachine | undefined> {
  const text = await readTextIfThere(effects.files, folder.suspended);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value) && value.version === 1) return value as unknown as SavedMachine;
  } catch {
    // Told below.
  }
  return fail({
    code: "qemu/bad-record",
    summary: `the record of a suspended VM cannot be read: ${folder.suspended}`,
    detail: "It was edited, damaged, or written by a newer version of vmlab.",
    hint: "`vmlab stop NAME --force` gives its memory up: the VM then boots from its disk, as after a power cut.",
  });
}

/** Durable: from here on the memory counts, and not what the disks become. */
export async function writeSaved(
  effects: Pick<Effects, "files">,
  folder: VmFolder,
  saved: SavedMachine,
): Promise<void> {
  await effects.files.write(folder.suspended, `${JSON.stringify(saved, undefined, 2)}\n`);
}

/** Durable: from here on it is never loaded. */
export async function forgetSaved(effects: Pick<Effects, "files">, folder: VmFolder): Promise<void> {
  await effects.files.remove(folder.suspended);
}
