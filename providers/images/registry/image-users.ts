/** Who needs which image: labs by their leases, VMs by their layers, also those in the trash, and what runs now. */
import { dirname, join } from "node:path";
import { type Diagnostic, warning } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { type LedgerLab, readLedger } from "../../../engine/host/labs.ts";
import { readLock } from "../../../engine/state/lock.ts";
import { readStateFiles, stateFilesIn } from "../../../engine/state/state-files.ts";
import { readVmRecord, trashFolder, unlessDamaged, type VmFolder, vmFolder } from "../../qemu/vm-folder.ts";
import { digestInPath, readBackingFile } from "../qcow2-backing.ts";
import { bareDigest } from "../store.ts";
import { usedInWorkplaces } from "../workplace.ts";

export type ImageUser =
  /** `folder` is the lab's, absolute. */
  | { readonly kind: "lab"; readonly name: string; readonly folder: string; readonly lineage: string }
  | {
      readonly kind: "vm";
      readonly id: string;
      readonly name: string;
      readonly lab: string;
      readonly inTrash: boolean;
    }
  /** A build, import or export under way. */
  | { readonly kind: "process"; readonly pid: number }
  /** A command that is changing the lab just now. */
  | { readonly kind: "run"; readonly lab: string; readonly command: string };

/** A lab whose state is locked by a living process. */
export interface LabRun {
  readonly lab: string;
  readonly command: string;
  /** Milliseconds since the epoch. What entered the store since then may be for it, leased or not. */
  readonly since: number;
}

export interface ImageUsers {
  /** By digest: those that stand on it directly. */
  readonly byDigest: ReadonlyMap<string, readonly ImageUser[]>;
  readonly labs: readonly LedgerLab[];
  readonly runs: readonly LabRun[];
  /** Records that cannot be read: with any of them, what nobody seems to need may be needed. */
  readonly problems: readonly Diagnostic[];
}

export async function readImageUsers(effects: Effects, home: Home): Promise<ImageUsers> {
  const byDigest = new Map<string, ImageUser[]>();
  const add = (digest: string, user: ImageUser): void => {
    const bare = bareDigest(digest);
    const users = byDigest.get(bare);
    if (users === undefined) byDigest.set(bare, [user]);
    else users.push(user);
  };
  const ledger = await readLedger(effects, home);
  const problems: Diagnostic[] = [...ledger.diagnostics];
  const runs: LabRun[] = [];
  for (const lab of ledger.labs) {
    const { name, folder, lineage } = lab;
    for (const digest of lab.leases) add(digest, { kind: "lab", name, folder, lineage });
    const run = await runOf(effects, lab);
    if (run === undefined) continue;
    runs.push(run);
    for (const digest of await recordedImages(effects, folder)) {
      if (!lab.leases.includes(digest)) add(digest, { kind: "run", lab: name, command: run.command });
    }
  }
  for (const [digest, pids] of await usedInWorkplaces(effects, home)) {
    for (const pid of pids) add(digest, { kind: "process", pid });
  }
  for (const inTrash of [false, true]) {
    const folderOf = inTrash ? trashFolder : vmFolder;
    for (const id of await effects.files.list(inTrash ? home.trash : home.vms)) {
      const folder = folderOf(home, id);
      if ((await effects.files.stat(folder.root))?.kind !== "folder") continue;
      const vm = await layersOfVm(effects, home, folder);
      if (vm === undefined) problems.push(unreadable(folder));
      else for (const digest of vm.digests) add(digest, { kind: "vm", ...vm.about, id, inTrash });
    }
  }
  return { byDigest, labs: ledger.labs, runs, problems };
}

async function runOf(effects: Effects, { name, folder }: LedgerLab): Promise<LabRun | undefined> {
  const lock = await readLock(effects, stateFilesIn(join(folder, ".vmlab")).lock).catch(() => undefined);
  if (lock?.alive !== true) return undefined;
  return { lab: name, command: lock.holder.command, since: lock.holder.since };
}

/** Digests in a state that is being written: an image is recorded there before the lab leases it. */
async function recordedImages(effects: Effects, folder: string): Promise<readonly string[]> {
  const stored = await readStateFiles(effects, stateFilesIn(join(folder, ".vmlab"))).catch(() => undefined);
  return Object.values(stored?.state.resources ?? {}).flatMap((record) => {
    const found = [record.instance, record.attributes.base, record.replacement?.attributes.base];
    return found.filter((digest): digest is string => typeof digest === "string" && digest.length >= 64);
  });
}

/**
 * The images that a VM stands on, from its record, or else from the disks in its folder: a VM that is half made has no
 * record yet, and one whose record is damaged has its disk still. Undefined when neither can be read.
 */
async function layersOfVm(
  effects: Effects,
  home: Home,
  folder: VmFolder,
): Promise<{ digests: readonly string[]; about: { name: string; lab: string } } | undefined> {
  const record = await unlessDamaged(readVmRecord(effects, folder));
  if (record !== undefined && Array.isArray(record.layers)) {
    const digests = record.layers.flatMap((layer) => ("digest" in layer ? [layer.digest] : []));
    return { digests, about: { name: record.name, lab: record.lab.name } };
  }
  const digests: string[] = [];
  for (const name of await effects.files.list(folder.root)) {
    if (!name.endsWith(".qcow2")) continue;
    let backing = await readBackingFile(effects, join(folder.root, name));
    // Layers that clones share lie between the VM's own and the image.
    while (backing.kind === "file" && dirname(backing.path) === home.layers)
      backing = await readBackingFile(effects, backing.path);
    if (backing.kind === "unreadable") return undefined;
    const digest = backing.kind === "file" ? digestInPath(backing.path) : undefined;
    if (digest !== undefined) digests.push(digest);
  }
  return { digests, about: { name: folder.id, lab: "" } };
}

function unreadable(folder: VmFolder): Diagnostic {
  return warning({
    code: "image/unknown-layers",
    summary: `which image the VM ${folder.id} stands on cannot be read`,
    detail: `Neither the record nor the disk in ${folder.root} tells it.`,
    hint: "`vmlab doctor` in its lab says what to do about the VM.",
  });
}
