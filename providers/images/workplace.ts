/**
 * Temporary folders in the image store, `.tmp-ID`, each with `.tmp-ID.owner.json` beside it. The owner file is there
 * before the folder and goes after it, so that a folder is never without one: whatever a dead process leaves can be
 * told from what a living one is making.
 */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { withHostLock } from "../../engine/host/host-lock.ts";
import { BOOTSTRAP_FOLDER, removeBootstrapFolder } from "./bootstrap/build.ts";
import { type Owner, ownerLives, ownOwner, parseOwner } from "./owner.ts";

const PREFIX = ".tmp-";
const OWNER_SUFFIX = ".owner.json";
const WORKPLACE_NAME = /^\.tmp-([0-9a-f]{12})(\.owner\.json)?$/;

/** A temporary folder on the file system of the store. */
export interface Workplace {
  readonly id: string;
  readonly folder: string;
}

/**
 * Runs `use` with a fresh folder, which is gone afterwards. `outside` names further folders to remove with it, `uses`
 * the digests of images that must stay in the store meanwhile: whether they are there is to be looked at in `use`,
 * from where on nothing prunes them.
 */
export async function withWorkplace<Result>(
  effects: Effects,
  home: Home,
  use: (place: Workplace) => Promise<Result>,
  outside: (place: Workplace) => Promise<readonly string[]> = async () => [],
  uses: readonly string[] = [],
): Promise<Result> {
  const id = newWorkplaceId(effects);
  const place = { id, folder: workplaceFolder(home, id) };
  const folders = await outside(place);
  await claimWorkplace(effects, home, id, await ownOwner(effects, folders, uses));
  try {
    await effects.files.makeDir(place.folder);
    return await use(place);
  } finally {
    await removeWorkplace(effects, home, id, folders);
  }
}

export function newWorkplaceId(effects: Pick<Effects, "random">): string {
  return effects.random.bytes(6).toString("hex");
}

export function workplaceFolder(home: Home, id: string): string {
  return join(home.images, `${PREFIX}${id}`);
}

/** Writes the owner file. The folder comes after it. */
export async function claimWorkplace(effects: Effects, home: Home, id: string, owner: Owner): Promise<void> {
  await effects.files.makeDir(home.images);
  const claim = (): Promise<void> =>
    effects.files.createExclusive(ownerFile(home, id), JSON.stringify(owner));
  // Pruning reads the owners and removes images under this lock: it sees the claim, or the claim comes too late.
  if (owner.uses.length === 0) await claim();
  else await withHostLock(effects, home, "labs", claim, { command: "image" });
}

/** Replaces the owner file of a workplace of one's own. */
export async function updateOwner(
  effects: Pick<Effects, "files">,
  home: Home,
  id: string,
  owner: Owner,
): Promise<void> {
  await effects.files.write(ownerFile(home, id), JSON.stringify(owner));
}

/** Removes workplaces whose process is dead, but not those of builds. Resolves with what was removed, by id. */
export async function recoverWorkplaces(effects: Effects, home: Home): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const { id, owner } of await deadWorkplaces(effects, home)) {
    if (owner?.build !== undefined) continue;
    if (await removeWorkplace(effects, home, id, owner?.folders ?? [])) removed.push(id);
  }
  return removed;
}

/** Workplaces whose process is dead, or whose owner file is. */
export async function deadWorkplaces(
  effects: Effects,
  home: Home,
): Promise<readonly { readonly id: string; readonly owner?: Owner }[]> {
  const dead: { id: string; owner?: Owner }[] = [];
  const ids = new Set<string>();
  for (const name of await effects.files.list(home.images)) {
    const [, id] = WORKPLACE_NAME.exec(name) ?? [];
    if (id !== undefined) ids.add(id);
  }
  for (const id of ids) {
    // Read after the listing: a folder without owner belongs to nobody, not even to somebody who is quick.
    const text = await effects.files.readText(ownerFile(home, id)).catch(() => undefined);
    const owner = text === undefined ? undefined : parseOwner(text);
    if (owner === undefined) dead.push({ id });
    else if (!(await ownerLives(effects, owner))) dead.push({ id, owner });
  }
  return dead;
}

/** Digests that living processes need, each with their pids. */
export async function usedInWorkplaces(
  effects: Pick<Effects, "files" | "processes" | "host">,
  home: Home,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const used = new Map<string, readonly number[]>();
  for (const name of await effects.files.list(home.images)) {
    if (!WORKPLACE_NAME.test(name) || !name.endsWith(OWNER_SUFFIX)) continue;
    const text = await effects.files.readText(join(home.images, name)).catch(() => undefined);
    const owner = text === undefined ? undefined : parseOwner(text);
    if (owner === undefined || owner.uses.length === 0 || !(await ownerLives(effects, owner))) continue;
    for (const digest of owner.uses) used.set(digest, [...(used.get(digest) ?? []), owner.pid]);
  }
  return used;
}

/** Removes a workplace. What cannot be removed now keeps its owner file, and is tried again by the next recovery. */
export async function removeWorkplace(
  effects: Effects,
  home: Home,
  id: string,
  outside: readonly string[],
): Promise<boolean> {
  const folder = workplaceFolder(home, id);
  const built = [join(folder, BOOTSTRAP_FOLDER), ...outside];
  for (const each of built) if (!(await removeBootstrapFolder(effects, each))) return false;
  await effects.files.remove(folder);
  await effects.files.remove(ownerFile(home, id));
  return true;
}

function ownerFile(home: Home, id: string): string {
  return join(home.images, `${PREFIX}${id}${OWNER_SUFFIX}`);
}
