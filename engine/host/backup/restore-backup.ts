/** Puts back what a backup holds. What is replaced is kept in a backup of its own before. */
import { basename, dirname, join } from "node:path";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { acquireLock } from "../../state/lock.ts";
import { type StateFiles, stateFilesIn } from "../../state/state-files.ts";
import { withHostLock } from "../host-lock.ts";
import { createBackup } from "./create-backup.ts";
import type { BackupCall, BackupImages } from "./images.ts";
import type { BackupManifest } from "./manifest.ts";
import { type OpenBackup, openBackup } from "./open-backup.ts";
import { freeName, withBackupScratch } from "./places.ts";
import { type RestoreItem, restoreItems } from "./restore-items.ts";

export interface RestoreOptions {
  readonly from: { readonly name: string } | { readonly file: string };
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly tool: string;
  readonly call: BackupCall;
}

export interface Restored {
  readonly manifest: BackupManifest;
  /** What was done, or with `dryRun` would be. */
  readonly items: readonly RestoreItem[];
  /** Name of the backup of what was replaced. */
  readonly keptAs?: string;
}

export async function restoreBackup(
  effects: Effects,
  home: Home,
  images: BackupImages,
  options: RestoreOptions,
): Promise<Restored> {
  const { from, force, dryRun, call } = options;
  const keptAs = await keepReplaced(effects, home, images, options);
  return withBackupScratch(effects, home, async (scratch) => {
    const backup = await openBackup(effects, home, from, scratch, call);
    const items = await restoreItems(effects, home, images, backup, { force });
    if (!dryRun) {
      for (const item of items) {
        call.signal.throwIfAborted();
        if (item.action !== "create" && item.action !== "replace") continue;
        call.progress(`restoring ${item.name}`);
        await restoreItem(effects, home, images, backup, item, call);
      }
    }
    return { manifest: backup.manifest, items, ...(keptAs === undefined ? {} : { keptAs }) };
  });
}

/** With force: the present settings, ledger and states, before any of them is replaced. */
async function keepReplaced(
  effects: Effects,
  home: Home,
  images: BackupImages,
  { from, force, dryRun, tool, call }: RestoreOptions,
): Promise<string | undefined> {
  if (!force || dryRun) return undefined;
  const replaces = await withBackupScratch(effects, home, async (scratch) => {
    const backup = await openBackup(effects, home, from, scratch, call);
    const items = await restoreItems(effects, home, images, backup, { force });
    return items.some(({ action }) => action === "replace");
  });
  if (!replaces) return undefined;
  const name = await freeName(effects, home, "before-restore-");
  await createBackup(effects, home, images, { to: { name }, disks: false, tool, call });
  return name;
}

async function restoreItem(
  effects: Effects,
  home: Home,
  images: BackupImages,
  { folder }: OpenBackup,
  item: RestoreItem,
  call: BackupCall,
): Promise<void> {
  const { what, id, target } = item;
  switch (what) {
    case "settings":
      await put(effects, join(folder, "config.toml"), target);
      return;
    case "lab":
      await withHostLock(
        effects,
        home,
        "labs",
        () => put(effects, join(folder, "labs", `${id}.json`), target),
        { command: "backup restore" },
      );
      return;
    case "pins":
      await put(effects, join(folder, "states", id, "vmlab.lock"), target);
      return;
    case "state":
      await restoreState(effects, join(folder, "states", id), item);
      return;
    case "image":
    case "image record": {
      const record = await effects.files.readText(join(folder, "images", id, "image.json"));
      const disk = what === "image" ? join(folder, "images", id, "disk.qcow2") : undefined;
      await images.restore(id, record, disk, call);
    }
  }
}

/** Under the lab's own lock. The journal goes before the snapshot comes: it would continue another one. */
async function restoreState(effects: Effects, from: string, { name, target }: RestoreItem): Promise<void> {
  const paths = stateFilesIn(target);
  await effects.files.makeDir(target);
  const lock = await acquireLock(effects, paths.lock, {
    command: "backup restore",
    timeoutMs: 0,
    what: `The state of lab ${name}`,
    unlock: `vmlab -C ${dirname(target)} state unlock`,
  });
  try {
    for (const text of await effects.files.list(join(from, "texts")))
      await put(effects, join(from, "texts", text), join(paths.texts, text));
    await setAside(effects, paths);
    await effects.files.remove(paths.journal);
    await put(effects, join(from, "state.json"), paths.snapshot);
  } finally {
    await lock.release();
  }
}

/**
 * Keeps the files of the present state as they are: a backup has neither a state that cannot be read nor one whose lab
 * this VMLAB_HOME does not know, and a crash may come between the two files.
 */
async function setAside(effects: Effects, { folder, snapshot, journal }: StateFiles): Promise<void> {
  const time = new Date(effects.clock.now()).toISOString().replace(/[-:]/g, "");
  for (const file of [snapshot, journal]) {
    if (((await effects.files.stat(file))?.size ?? 0) > 0)
      await put(effects, file, join(folder, "replaced", time, basename(file)));
  }
}

async function put(effects: Effects, from: string, to: string): Promise<void> {
  await effects.files.makeDir(dirname(to));
  await effects.files.write(to, await effects.files.read(from));
}
