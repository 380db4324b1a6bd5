/** What restoring a backup would do, thing by thing, beside what is there. Reads only. */
import { join } from "node:path";
import { LOCK_FILE } from "../../config/lock-file.ts";
import { systemErrorCode } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { canonicalJson } from "../../json.ts";
import { decodeSnapshot } from "../../state/snapshot.ts";
import { readStateFiles, stateFilesIn } from "../../state/state-files.ts";
import type { BackupImages } from "./images.ts";
import type { BackupLab } from "./manifest.ts";
import type { OpenBackup } from "./open-backup.ts";

export interface RestoreItem {
  readonly what: "settings" | "lab" | "state" | "pins" | "image" | "image record";
  /** Lineage or digest; empty for the settings. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** The file or folder that it becomes, absolute. */
  readonly target: string;
  /**
   * create: nothing is there. same: it is there already. keep: something else is there, which stays without force.
   * replace: with force. skip: it cannot be restored now.
   */
  readonly action: "create" | "same" | "keep" | "replace" | "skip";
  readonly why?: string;
}

/** In the order in which they are restored: leases before the images that they keep. */
export async function restoreItems(
  effects: Effects,
  home: Home,
  images: BackupImages,
  backup: OpenBackup,
  options: { force: boolean },
): Promise<readonly RestoreItem[]> {
  const items: RestoreItem[] = [];
  const has = (path: string): boolean => backup.manifest.files.some((file) => file.path === path);
  const clash = (why: string): Pick<RestoreItem, "action" | "why"> => ({
    action: options.force ? "replace" : "keep",
    why,
  });
  if (has("config.toml")) {
    const target = home.configFile;
    const found = await compare(effects, join(backup.folder, "config.toml"), target);
    const action = found === "other" ? clash("other settings are there") : { action: found };
    items.push({ what: "settings", id: "", name: "config.toml", target, ...action });
  }
  for (const { lineage, name } of backup.manifest.labs) {
    const target = join(home.labs, `${lineage}.json`);
    const found = await compare(effects, join(backup.folder, "labs", `${lineage}.json`), target);
    const action = found === "other" ? clash("what it leases now differs") : { action: found };
    items.push({ what: "lab", id: lineage, name, target, ...action });
  }
  items.push(...(await imageItems(effects, home, images, backup)));
  for (const lab of backup.manifest.labs) {
    if (!has(`states/${lab.lineage}/state.json`)) continue;
    items.push(...(await stateItems(effects, backup, lab, has, clash)));
  }
  return items;
}

async function imageItems(
  effects: Effects,
  home: Home,
  images: BackupImages,
  backup: OpenBackup,
): Promise<readonly RestoreItem[]> {
  const found: { item: RestoreItem; parent: string | undefined }[] = [];
  for (const { path } of backup.manifest.files) {
    const digest = /^images\/([0-9a-f]{64})\/image\.json$/.exec(path)?.[1];
    if (digest === undefined) continue;
    const record = await effects.files.readText(join(backup.folder, path));
    const disk = backup.manifest.files.some((file) => file.path === `images/${digest}/disk.qcow2`);
    const standing = await images.standing(digest);
    const item = {
      id: digest,
      name: nameIn(record) ?? digest.slice(0, 12),
      target: join(home.images, digest),
    };
    const parent = images.parentOf(record);
    if (standing === "there") found.push({ item: { ...item, what: "image", action: "same" }, parent });
    else if (standing === "record")
      found.push({ item: { ...item, what: "image record", action: "create" }, parent });
    else if (disk) found.push({ item: { ...item, what: "image", action: "create" }, parent });
    else {
      const why = "its disk is not in the backup; an apply gets or builds it anew";
      found.push({ item: { ...item, what: "image", action: "skip", why }, parent });
    }
  }
  return lowestFirst(found);
}

function lowestFirst(
  found: readonly { readonly item: RestoreItem; readonly parent: string | undefined }[],
): readonly RestoreItem[] {
  const parents = new Map(found.map(({ item, parent }) => [item.id, parent]));
  const depthOf = (digest: string): number => {
    let depth = 0;
    for (
      let next = parents.get(digest);
      next !== undefined && depth <= parents.size;
      next = parents.get(next)
    )
      depth += 1;
    return depth;
  };
  return found.map(({ item }) => item).sort((a, b) => depthOf(a.id) - depthOf(b.id));
}

async function stateItems(
  effects: Effects,
  backup: OpenBackup,
  lab: BackupLab,
  has: (path: string) => boolean,
  clash: (why: string) => Pick<RestoreItem, "action" | "why">,
): Promise<readonly RestoreItem[]> {
  const { lineage, name, folder } = lab;
  const target = join(folder, ".vmlab");
  const state: Omit<RestoreItem, "action"> = { what: "state", id: lineage, name, target };
  if ((await effects.files.stat(folder))?.kind !== "folder") {
    const why = `${folder} does not exist: put the lab there, then restore again`;
    return [{ ...state, action: "skip", why }];
  }
  const items: RestoreItem[] = [{ ...state, ...(await compareState(effects, backup, lab, clash)) }];
  if (has(`states/${lineage}/vmlab.lock`)) {
    const pins = join(folder, LOCK_FILE);
    const found = await compare(effects, join(backup.folder, "states", lineage, "vmlab.lock"), pins);
    const action = found === "other" ? clash("other pins are there") : { action: found };
    items.push({ what: "pins", id: lineage, name, target: pins, ...action });
  }
  return items;
}

async function compareState(
  effects: Effects,
  backup: OpenBackup,
  { lineage, folder }: BackupLab,
  clash: (why: string) => Pick<RestoreItem, "action" | "why">,
): Promise<Pick<RestoreItem, "action" | "why">> {
  const path = join(backup.folder, "states", lineage, "state.json");
  const old = decodeSnapshot(await effects.files.read(path), path);
  const paths = stateFilesIn(join(folder, ".vmlab"));
  if ((await effects.files.stat(paths.snapshot)) === undefined) return { action: "create" };
  let present: Awaited<ReturnType<typeof readStateFiles>>;
  try {
    present = await readStateFiles(effects, paths);
  } catch {
    return clash("a damaged state is there");
  }
  if (present === undefined) return { action: "create" };
  const { state } = present;
  if (state.lineage !== lineage) return clash(`the state of another lab, ${state.lab}, is there`);
  if (canonicalJson(state) === canonicalJson(old)) return { action: "same" };
  const older = state.serial < old.serial ? "an older" : state.serial > old.serial ? "a newer" : "another";
  return clash(`${older} state is there: #${state.serial}, the backup has #${old.serial}`);
}

async function compare(effects: Effects, from: string, to: string): Promise<"create" | "same" | "other"> {
  try {
    const [one, other] = await Promise.all([effects.files.read(from), effects.files.read(to)]);
    return one.equals(other) ? "same" : "other";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "create";
    throw error;
  }
}

function nameIn(record: string): string | undefined {
  const name: unknown = (JSON.parse(record) as { name?: unknown }).name;
  return typeof name === "string" && name !== "" ? name : undefined;
}
