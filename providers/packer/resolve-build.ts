/** What a plan can know of a build: its key, and whether the store has it. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { ImageRecord } from "../images/image-record.ts";
import { bareDigest, listImages, observeImage } from "../images/store.ts";
import type { ImageParent, ImagePin, ImageResolution, ImageSpec } from "../provider.ts";
import {
  type BuildVersions,
  buildKey,
  buildOf,
  currentVersions,
  pinnedVersions,
  pinSource,
} from "./build-key.ts";

/**
 * The versions pinned in vmlab.lock count as long as the store has an image of them: a new vmlab rebuilds nothing by
 * itself. What has to be built anyway is built, and pinned, by the present ones. An upgrade always builds, as the
 * packages behind the same recipe may be newer by now; the pin then tells the time from which on builds count.
 */
export async function resolveBuild(
  effects: Effects,
  home: Home,
  spec: Omit<ImageSpec, "key">,
  options: { readonly upgrade: boolean; readonly templateVersion: number },
): Promise<ImageResolution> {
  const { inputs, pin } = spec;
  const build = buildOf(inputs);
  const parent = parentOf(spec);
  const current = currentVersions(build, options.templateVersion);
  const pinned = pinnedVersions(build, pin) ?? current;
  const since = pin?.source === pinSource(build) ? pin.release : undefined;
  const find = (key: string) => findBuild(effects, home, { key, parent: parent.digest, since });

  if (!options.upgrade) {
    const key = buildKey(inputs, parent.key, pinned);
    const stored = await find(key);
    if (stored !== undefined)
      return present(stored, key, pinOf(spec, pinned, since), newerNotes(pinned, current));
  }
  const key = buildKey(inputs, parent.key, current);
  const stored = options.upgrade ? undefined : await find(key);
  if (stored !== undefined)
    return present(stored, key, pinOf(spec, current, since), changeNotes(pinned, current));
  // A plan can be made where it cannot be applied.
  const lacking =
    (await effects.processes.which("packer")) === undefined
      ? ["needs Packer to be built, which is not installed here"]
      : [];
  const from = options.upgrade ? new Date(effects.clock.now()).toISOString() : since;
  return {
    key,
    present: false,
    pin: pinOf(spec, current, from),
    notes: [...changeNotes(pinned, current), ...lacking],
  };
}

/** The newest image that a build made of this very parent and whose file is as it was. */
export async function findBuild(
  effects: Pick<Effects, "files">,
  home: Home,
  wanted: BuildWanted,
): Promise<ImageRecord | undefined> {
  for (const record of await buildCandidates(effects, home, wanted)) {
    if ((await observeImage(effects, home, record.digest)).state === "present") return record;
  }
  return undefined;
}

export interface BuildWanted {
  readonly key: string;
  /** Digest; undefined when it has to be made first, so that nothing can stand on it yet. */
  readonly parent: string | undefined;
  /** ISO 8601; what is older does not count. */
  readonly since: string | undefined;
}

/** Records of images that would do, newest first, whatever became of their files. */
export async function buildCandidates(
  effects: Pick<Effects, "files">,
  home: Home,
  { key, parent, since }: BuildWanted,
): Promise<readonly ImageRecord[]> {
  if (parent === undefined) return [];
  return (await listImages(effects, home)).filter(
    (record) =>
      record.keys.includes(key) &&
      record.parent === bareDigest(parent) &&
      (since === undefined || record.created >= since),
  );
}

/** What a build stands on; the engine always names it. */
export function parentOf(spec: Pick<ImageSpec, "address" | "parent">): ImageParent {
  if (spec.parent === undefined) throw new Error(`${spec.address} is to be built on nothing`);
  return spec.parent;
}

/** `release`, of a build: the time of the last upgrade. */
export function pinOf(
  { inputs }: Pick<ImageSpec, "inputs">,
  { recipe, catalogue }: BuildVersions,
  since: string | undefined,
): ImagePin {
  return {
    source: pinSource(buildOf(inputs)),
    recipe,
    ...(catalogue === undefined ? {} : { catalogue }),
    ...(since === undefined ? {} : { release: since }),
  };
}

function present(record: ImageRecord, key: string, pin: ImagePin, notes: readonly string[]): ImageResolution {
  return { key, digest: record.digest, present: true, virtualSize: record.virtual_size, pin, notes };
}

function newerNotes(pinned: BuildVersions, current: BuildVersions): readonly string[] {
  return differences(pinned, current).map(
    (text) => `built by an older recipe (${text}); --upgrade builds it by the present one`,
  );
}

function changeNotes(pinned: BuildVersions, current: BuildVersions): readonly string[] {
  return differences(pinned, current).map((text) => `built by the recipe of this vmlab (${text})`);
}

function differences(pinned: BuildVersions, current: BuildVersions): readonly string[] {
  return [
    ...(pinned.recipe === current.recipe ? [] : [`template ${pinned.recipe} → ${current.recipe}`]),
    ...(pinned.catalogue === current.catalogue ? [] : [`role ${pinned.catalogue} → ${current.catalogue}`]),
  ];
}
