/** Removes what nobody needs: images, children before their parents, and what lies around. */
import { join } from "node:path";
import { type Diagnostic, DiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { imageFolder } from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import { findLeftovers, type Leftover, removeLeftover } from "./leftovers.ts";
import { type Registry, readRegistry } from "./read-registry.ts";
import type { RegistryImage } from "./registry-image.ts";
import { noteUnused, readUnusedSince, type UnusedSince, writeUnusedSince } from "./unused-since.ts";

export interface PruneOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How long what nobody needs is kept; 0: not at all. */
  readonly keepMs: number;
}

/** `only` names what may go, by id, for a user who was asked about just these. */
type Wishes = PruneOptions & { readonly only?: ReadonlySet<string> };

export interface Pruned {
  readonly removed: readonly PrunedItem[];
  readonly kept: readonly KeptItem[];
  /** Bytes of what was removed. */
  readonly freed: number;
  /** Why nothing was removed although something may be removable: records that cannot be read. */
  readonly blocked: readonly Diagnostic[];
}

export interface PrunedItem {
  readonly what: "image" | Leftover["what"];
  /** Digest of an image, name of anything else. */
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds that nobody needed it, as far as known. */
  readonly unusedMs: number;
}

export interface KeptItem extends PrunedItem {
  /** `below`: it is not needed itself, but an image that stands on it is kept. */
  /** `brought`: nothing could make it again, so that only --all removes it. */
  readonly why: "used" | "below" | "recent" | "brought";
  readonly image?: RegistryImage;
}

interface Choice {
  readonly removed: readonly PrunedItem[];
  readonly kept: readonly KeptItem[];
  readonly leftovers: readonly Leftover[];
  readonly unused: UnusedSince;
}

/** What {@link pruneStore} would do now. Writes nothing. */
export async function planPrune(effects: Effects, home: Home, options: PruneOptions): Promise<Pruned> {
  const found = await look(effects, home, options);
  return outcome(found, found.choice.removed);
}

/** Removes for good. Fails, having removed nothing, when a record that tells of users cannot be read. */
export async function pruneStore(effects: Effects, home: Home, options: Wishes): Promise<Pruned> {
  const pruned = await pruneUnblocked(effects, home, options);
  if (pruned.blocked.length > 0) throw new DiagnosticsError(pruned.blocked);
  return pruned;
}

/**
 * What apply does at its end: removes what nobody needed for `keepMs`, and remembers what is unused from now on. Never
 * fails for records that cannot be read: then nothing is removed, and `blocked` says why.
 */
export async function pruneOrphans(effects: Effects, home: Home, options: PruneOptions): Promise<Pruned> {
  return pruneUnblocked(effects, home, options);
}

async function pruneUnblocked(effects: Effects, home: Home, options: Wishes): Promise<Pruned> {
  // Looking first: without anything to do, nothing is written and no lock taken.
  const first = await look(effects, home, options);
  const { removed } = first.choice;
  if (removed.length === 0 && sameAs(first.before, first.choice.unused)) return outcome(first, []);
  const only = new Set(removed.map(({ id }) => id));
  if (!removed.some(({ what }) => what === "image"))
    return removeChosen(effects, home, { ...options, only }, undefined);
  // The images go with the workplace, after the lock.
  return withWorkplace(effects, home, ({ folder }) =>
    removeChosen(effects, home, { ...options, only }, folder),
  );
}

/** Images are moved to `folder`, at one stroke each: a crash leaves whole images, or none. */
async function removeChosen(
  effects: Effects,
  home: Home,
  wishes: Wishes,
  folder: string | undefined,
): Promise<Pruned> {
  const move = async (): Promise<Look> => {
    // Again: since then somebody may have begun to use something. While the lock is held nobody can.
    const now = await look(effects, home, wishes);
    await writeUnusedSince(effects, home, now.before, now.choice.unused);
    if (folder === undefined || now.registry.users.problems.length > 0) return now;
    for (const { what, id } of now.choice.removed)
      if (what === "image") await effects.files.rename(imageFolder(home, id), join(folder, id));
    return now;
  };
  const chosen = await withHostLock(effects, home, "labs", move, { command: "images prune" });
  const { removed, leftovers } = chosen.choice;
  if (chosen.registry.users.problems.length > 0) return outcome(chosen, []);
  const inUse = new Set<string>();
  for (const leftover of leftovers)
    if (!(await removeLeftover(effects, home, leftover))) inUse.add(leftover.name);
  return outcome(
    chosen,
    removed.filter(({ id }) => !inUse.has(id)),
  );
}

function outcome({ choice, registry }: Look, removed: readonly PrunedItem[]): Pruned {
  const blocked = choice.removed.length > 0 ? registry.users.problems.map(asError) : [];
  return { removed, kept: choice.kept, freed: sum(removed), blocked };
}

interface Look {
  readonly registry: Registry;
  readonly choice: Choice;
  readonly before: UnusedSince;
}

async function look(effects: Effects, home: Home, wishes: Wishes): Promise<Look> {
  const registry = await readRegistry(effects, home);
  const before = await readUnusedSince(effects, home);
  return { registry, before, choice: await choose(effects, home, registry, before, wishes) };
}

/** Images that no recipe leads to: whoever loses one has lost it. */
const BROUGHT: ReadonlySet<string> = new Set(["export", "import"]);

async function choose(
  effects: Effects,
  home: Home,
  { images }: Registry,
  before: UnusedSince,
  { now, keepMs, only }: Wishes,
): Promise<Choice> {
  const leftovers = await findLeftovers(effects, home);
  const orphans = images.filter(({ needed }) => !needed);
  const aside = leftovers.filter(({ since }) => since === undefined).map(({ name }) => name);
  const unused = noteUnused(before, [...orphans.map(({ digest }) => digest), ...aside], now);
  const unusedMs = (id: string, since = unused.get(id) ?? now): number =>
    Math.max(0, Math.round(now - since));
  const mayGo = (id: string, age: number): boolean => age >= keepMs && only?.has(id) !== false;

  const going = new Set<string>();
  const removed: PrunedItem[] = [];
  const kept: KeptItem[] = [];
  // The more layers, the higher: children come before their parents.
  for (const image of [...images].sort((a, b) => b.layers.length - a.layers.length)) {
    const age = unusedMs(image.digest);
    const item = itemOf(image, image.needed ? 0 : age);
    if (image.needed) kept.push({ ...item, why: "used", image });
    else if (keepMs > 0 && BROUGHT.has(image.record?.kind ?? ""))
      kept.push({ ...item, why: "brought", image });
    else if (!mayGo(image.digest, age)) kept.push({ ...item, why: "recent", image });
    else if (!image.children.every((child) => going.has(child))) kept.push({ ...item, why: "below", image });
    else {
      going.add(image.digest);
      removed.push(item);
    }
  }
  const chosen: Leftover[] = [];
  for (const leftover of leftovers) {
    const { what, name, bytes, since } = leftover;
    const age = since === 0 ? Number.POSITIVE_INFINITY : unusedMs(name, since);
    const item: PrunedItem = { what, id: name, name, bytes, unusedMs: Number.isFinite(age) ? age : 0 };
    if (mayGo(name, age)) {
      chosen.push(leftover);
      removed.push(item);
    } else kept.push({ ...item, why: "recent" });
  }
  const remembered = new Map([...unused].filter(([name]) => !going.has(name)));
  return { removed, kept, leftovers: chosen, unused: remembered };
}

function itemOf(image: RegistryImage, unusedMs: number): PrunedItem {
  return { what: "image", id: image.digest, name: image.name, bytes: image.allocated, unusedMs };
}

function sameAs(a: UnusedSince, b: UnusedSince): boolean {
  return a.size === b.size && [...a].every(([name, since]) => b.get(name) === since);
}

function sum(items: readonly PrunedItem[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}

function asError(diagnostic: Diagnostic): Diagnostic {
  const nothing = "What nobody seems to need may be needed there: nothing was removed.";
  const detail = diagnostic.detail === undefined ? nothing : `${diagnostic.detail}\n${nothing}`;
  return { ...diagnostic, severity: "error", detail };
}
