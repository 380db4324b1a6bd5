/** The whole store at one look: every image with its chain, its users, and what stands on it. Reads no disk's bytes. */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { ImageRecord } from "../image-record.ts";
import { digestInPath, readBackingFile } from "../qcow2-backing.ts";
import { imageDiskPath, imageFolder, listDigests, observeImage, readRecord } from "../store.ts";
import { imageName } from "./image-name.ts";
import { type ImageUsers, readImageUsers } from "./image-users.ts";
import type { Condition, RegistryImage } from "./registry-image.ts";
import { readUnusedSince } from "./unused-since.ts";

export interface Registry {
  /** Newest first; those without a record last. */
  readonly images: readonly RegistryImage[];
  readonly users: ImageUsers;
}

interface Found {
  readonly digest: string;
  readonly record: ImageRecord | undefined;
  readonly parent: string | undefined;
  readonly size: number;
  readonly allocated: number;
  readonly condition: Condition;
  /** It came, or its record was written, while a lab was being changed: it may be for that lab. */
  readonly fresh: boolean;
}

export async function readRegistry(effects: Effects, home: Home): Promise<Registry> {
  const users = await readImageUsers(effects, home);
  const since = users.runs.reduce((least, run) => Math.min(least, run.since), Number.POSITIVE_INFINITY);
  const found = new Map<string, Found>();
  for (const digest of await listDigests(effects, home))
    found.set(digest, await look(effects, home, digest, since));
  const unused = await readUnusedSince(effects, home);
  const children = childrenOf(found);
  const needed = neededOf(found, users);
  const shared = sharedOf(found, users);
  const images = [...found.values()].map((image): RegistryImage => {
    const { digest, record, parent, size, allocated, condition } = image;
    return {
      ...{ digest, name: imageName(record, digest), record, parent, size, allocated, condition },
      layers: chainOf(found, digest),
      sharedBy: shared.get(digest) ?? { images: 0, vms: 0 },
      users: usersOf(image, users),
      children: children.get(digest) ?? [],
      needed: needed.has(digest),
      unusedSince: needed.has(digest) ? undefined : unused.get(digest),
    };
  });
  return { images: images.sort(newestFirst), users };
}

async function look(effects: Effects, home: Home, digest: string, runsSince: number): Promise<Found> {
  const { files } = effects;
  const folder = imageFolder(home, digest);
  const disk = imageDiskPath(home, digest);
  const record = await readRecord(effects, home, digest);
  const file = await files.stat(disk);
  // The disk knows its parent better than a record that is not there.
  const backing =
    record !== undefined || file === undefined ? undefined : await readBackingFile(effects, disk);
  const parent = record?.parent ?? (backing?.kind === "file" ? digestInPath(backing.path) : undefined);
  let allocated = 0;
  for (const name of await files.list(folder))
    allocated += (await files.stat(join(folder, name)))?.allocated ?? 0;
  const observed = await observeImage(effects, home, digest);
  const condition: Condition = observed.state === "present" ? { state: "present" } : observed;
  const written = (await files.stat(join(folder, "image.json")))?.mtimeMs ?? 0;
  const fresh = written >= runsSince;
  return { digest, record, parent, size: file?.size ?? 0, allocated, condition, fresh };
}

function usersOf(image: Found, users: ImageUsers): RegistryImage["users"] {
  const direct = users.byDigest.get(image.digest) ?? [];
  if (!image.fresh || direct.length > 0) return direct;
  return users.runs.map(({ lab, command }) => ({ kind: "run" as const, lab, command }));
}

function childrenOf(found: ReadonlyMap<string, Found>): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>();
  for (const { digest, parent } of found.values()) {
    if (parent === undefined) continue;
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [digest]);
    else list.push(digest);
  }
  return children;
}

/** Lowest first. Ends at a layer that is missing, and at one that comes again: a record may have been edited. */
function chainOf(found: ReadonlyMap<string, Found>, digest: string): readonly string[] {
  const chain: string[] = [];
  let next: string | undefined = digest;
  while (next !== undefined && found.has(next) && !chain.includes(next)) {
    chain.unshift(next);
    next = found.get(next)?.parent;
  }
  return chain;
}

/** Images with a user, and every layer below one. */
function neededOf(found: ReadonlyMap<string, Found>, users: ImageUsers): ReadonlySet<string> {
  const needed = new Set<string>();
  for (const image of found.values()) {
    if (usersOf(image, users).length === 0) continue;
    for (const layer of chainOf(found, image.digest)) needed.add(layer);
  }
  return needed;
}

function sharedOf(
  found: ReadonlyMap<string, Found>,
  users: ImageUsers,
): ReadonlyMap<string, { images: number; vms: number }> {
  const shared = new Map<string, { images: number; vms: number }>();
  const add = (digest: string, images: number, vms: number): void => {
    const before = shared.get(digest) ?? { images: 0, vms: 0 };
    shared.set(digest, { images: before.images + images, vms: before.vms + vms });
  };
  for (const { digest } of found.values()) {
    const vms = (users.byDigest.get(digest) ?? []).filter(({ kind }) => kind === "vm").length;
    for (const layer of chainOf(found, digest)) add(layer, layer === digest ? 0 : 1, vms);
  }
  return shared;
}

function newestFirst(a: RegistryImage, b: RegistryImage): number {
  const [one, other] = [a.record?.created ?? "", b.record?.created ?? ""];
  if (one !== other) return one < other ? 1 : -1;
  return a.digest < b.digest ? -1 : 1;
}
