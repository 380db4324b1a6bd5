/**
 * Lets two processes that want the same thing make it once. This saves work; it is not what keeps the store whole:
 * an image enters the store in one rename, whoever brings it.
 */
import { join } from "node:path";
import { systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext } from "../provider.ts";
import { type Owner, ownerLives, ownOwner, parseOwner } from "./owner.ts";

const FOLDER = ".locks";
const SUFFIX = ".lock";
const POLL_MS = 300;

/** Runs `use` while holding the lock called `name` (letters, digits, hyphens). Waits as long as the holder lives. */
export async function withKeyLock<Result>(
  effects: Effects,
  home: Home,
  name: string,
  context: Pick<CallContext, "signal" | "progress">,
  use: () => Promise<Result>,
): Promise<Result> {
  const folder = join(home.images, FOLDER);
  const path = join(folder, `${name}${SUFFIX}`);
  const own = await ownOwner(effects);
  await effects.files.makeDir(folder);
  while (!(await take(effects, path, own))) {
    const holder = await read(effects, path);
    if (holder === undefined) continue;
    if (holder !== "damaged" && (await ownerLives(effects, holder))) {
      context.progress(`waiting for another vmlab (pid ${holder.pid})`);
      await effects.clock.sleep(POLL_MS, context.signal);
    } else {
      await clear(effects, path, holder);
    }
  }
  try {
    return await use();
  } finally {
    const holder = await read(effects, path);
    if (holder !== undefined && holder !== "damaged" && holder.token === own.token)
      await effects.files.remove(path);
  }
}

/** Removes locks of dead processes. */
export async function recoverKeyLocks(effects: Effects, home: Home): Promise<void> {
  const folder = join(home.images, FOLDER);
  for (const name of await effects.files.list(folder)) {
    const path = join(folder, name);
    const holder = await read(effects, path);
    if (holder === undefined || (holder !== "damaged" && (await ownerLives(effects, holder)))) continue;
    await clear(effects, path, holder);
  }
}

async function take(effects: Effects, path: string, own: Owner): Promise<boolean> {
  try {
    await effects.files.createExclusive(path, JSON.stringify(own));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function read(effects: Effects, path: string): Promise<Owner | "damaged" | undefined> {
  try {
    return parseOwner(await effects.files.readText(path)) ?? "damaged";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Takes a dead holder's file away; one that was replaced meanwhile by a living holder's goes back. */
async function clear(effects: Effects, path: string, seen: Owner | "damaged"): Promise<void> {
  const aside = `${path}.${effects.random.bytes(6).toString("hex")}`;
  try {
    await effects.files.rename(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  const taken = await read(effects, aside);
  const same = taken === "damaged" ? seen === "damaged" : seen !== "damaged" && taken?.token === seen.token;
  if (!same) await effects.files.link(aside, path).catch(() => undefined);
  await effects.files.remove(aside);
}
