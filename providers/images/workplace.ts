/**
 * Temporary folders in the image store, `.tmp-ID`, each with `.tmp-ID.owner.json` beside it. The owner file is there
 * before the folder and goes after it, so that a folder is never without one: whatever a dead process leaves can be
 * told from what a living one is making.
 */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { BOOTSTRAP_FOLDER, removeBootstrapFolder } from "./bootstrap/build.ts";
import { ownerLives, ownOwner, parseOwner } from "./owner.ts";

const PREFIX = ".tmp-";
const OWNER_SUFFIX = ".owner.json";
const WORKPLACE_NAME = /^\.tmp-([0-9a-f]{12})(\.owner\.json)?$/;

/** A temporary folder on the file system of the store. */
export interface Workplace {
  readonly id: string;
  readonly folder: string;
}

/** Runs `use` with a fresh folder, which is gone afterwards. `outside` names further folders to remove with it. */
export async function withWorkplace<Result>(
  effects: Effects,
  home: Home,
  use: (place: Workplace) => Promise<Result>,
  outside: (place: Workplace) => Promise<readonly string[]> = async () => [],
): Promise<Result> {
  const id = effects.random.bytes(6).toString("hex");
  const place = { id, folder: join(home.images, `${PREFIX}${id}`) };
  const folders = await outside(place);
  await effects.files.makeDir(home.images);
  await effects.files.createExclusive(ownerFile(home, id), JSON.stringify(await ownOwner(effects, folders)));
  try {
    await effects.files.makeDir(place.folder);
    return await use(place);
  } finally {
    await removeWorkplace(effects, home, id, folders);
  }
}

/** Removes workplaces whose process is dead. Resolves with what was removed, by id. */
export async function recoverWorkplaces(effects: Effects, home: Home): Promise<readonly string[]> {
  const removed: string[] = [];
  const ids = new Set<string>();
  for (const name of await effects.files.list(home.images)) {
    const [, id] = WORKPLACE_NAME.exec(name) ?? [];
    if (id !== undefined) ids.add(id);
  }
  for (const id of ids) {
    // Read after the listing: a folder without owner belongs to nobody, not even to somebody who is quick.
    const text = await effects.files.readText(ownerFile(home, id)).catch(() => undefined);
    const owner = text === undefined ? undefined : parseOwner(text);
    if (owner !== undefined && (await ownerLives(effects, owner))) continue;
    if (await removeWorkplace(effects, home, id, owner?.folders ?? [])) removed.push(id);
  }
  return removed;
}

/** What cannot be removed now keeps its owner file, and is tried again by the next recovery. */
async function removeWorkplace(
  effects: Effects,
  home: Home,
  id: string,
  outside: readonly string[],
): Promise<boolean> {
  const folder = join(home.images, `${PREFIX}${id}`);
  const built = [join(folder, BOOTSTRAP_FOLDER), ...outside];
  for (const each of built) if (!(await removeBootstrapFolder(effects, each))) return false;
  await effects.files.remove(folder);
  await effects.files.remove(ownerFile(home, id));
  return true;
}

function ownerFile(home: Home, id: string): string {
  return join(home.images, `${PREFIX}${id}${OWNER_SUFFIX}`);
}
