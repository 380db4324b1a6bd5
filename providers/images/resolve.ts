/** What a plan can know of an image: reads the store, the pin and, where nothing else tells, the network. */
import { errorText, fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { ImagePin, ImageResolution, ImageSpec } from "../provider.ts";
import { archiveState } from "./bootstrap/apt-sources.ts";
import type { BootstrapInputs } from "./bootstrap/build.ts";
import { BOOTSTRAP_RECIPE } from "./bootstrap/recipe.ts";
import { type Checksum, formatChecksum, parseChecksum } from "./checksum.ts";
import { fileDigest } from "./file-digest.ts";
import type { ImageRecord } from "./image-record.ts";
import { bootstrapKey, digestKey, fileKey, localPath, sourceText, urlKey, validPin } from "./image-source.ts";
import { publicUrl, urlFileName } from "./image-url.ts";
import { archiveOf } from "./obtain-archive.ts";
import { fetchChecksum, headFacts, PLAN_TIMEOUT_MS, type RemoteFacts } from "./remote-facts.ts";
import { bareDigest, findByKey, imageDiskPath, observeImage, readRecord } from "./store.ts";

export type ResolveSpec = Omit<ImageSpec, "key">;

export interface ResolveOptions {
  readonly upgrade: boolean;
  readonly signal?: AbortSignal;
}

export async function resolveImage(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  options: ResolveOptions,
): Promise<ImageResolution> {
  switch (spec.inputs.source) {
    case "url":
      return resolveUrl(effects, home, spec, options);
    case "path":
      return resolvePath(effects, home, spec, options);
    case "bootstrap":
      return resolveBootstrap(effects, home, spec, options);
    case "digest":
      return resolveDigest(effects, home, spec);
    case "build":
      throw new Error(`${spec.address} is built by another provider`);
  }
}

export function addressOf(spec: { readonly address: string }): string {
  return spec.address;
}

async function resolveUrl(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  options: ResolveOptions,
): Promise<ImageResolution> {
  const { inputs, offline } = spec;
  const url = inputs.url ?? "";
  const declared = inputs.checksum === undefined ? undefined : parseChecksum(inputs.checksum);
  // Bytes that lab.toml names leave nothing open.
  if (declared !== undefined) return resolveKnownFile(effects, home, spec, declared, undefined, options);
  const pin = validPin(inputs, spec.pin);
  if (pin !== undefined && (!options.upgrade || offline)) {
    return withNotes(
      await resolvePinnedUrl(effects, home, spec, pin, options),
      options.upgrade ? [offlineUpgrade(url)] : [],
    );
  }

  const notes: string[] = [];
  let checksum: Checksum | undefined;
  let facts: RemoteFacts | undefined;
  if (!offline) {
    facts = await headFacts(effects, url, deadline(options));
    if (facts === undefined) notes.push(`${publicUrl(url)} does not answer; it is tried again when applying`);
  }
  const list = inputs.checksum?.replace(/^file:/, "");
  if (list !== undefined && !offline) {
    try {
      checksum = await fetchChecksum(effects, list, urlFileName(url), {
        ...deadline(options),
        address: addressOf(spec),
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      notes.push(`the checksum is read when applying: ${errorText(error)}`);
    }
  }
  if (list === undefined)
    notes.push("no checksum is declared: vmlab.lock pins what is downloaded, whatever it is");

  if (pin !== undefined && (await isSameFile(effects, home, pin, checksum, facts, list !== undefined))) {
    return withNotes(await resolvePinnedUrl(effects, home, spec, pin, options), notes);
  }
  if (checksum !== undefined) {
    return withNotes(await resolveKnownFile(effects, home, spec, checksum, facts, options), notes);
  }
  const key = urlKey(inputs, options.upgrade ? facts?.validator : undefined);
  const record = await findByKey(effects, home, key);
  if (record === undefined && offline) notInStore(spec, publicUrl(url));
  const found = await resolution(effects, home, key, record, notes, facts?.size);
  const from = record?.checksum === undefined ? {} : { checksum: record.checksum };
  return record === undefined
    ? found
    : { ...found, pin: { source: sourceText(inputs), ...from, digest: record.digest, ...sizeOf(record) } };
}

/** Whether an upgrade finds what is pinned. What cannot be asked counts as unchanged. */
async function isSameFile(
  effects: Effects,
  home: Home,
  pin: ImagePin,
  checksum: Checksum | undefined,
  facts: RemoteFacts | undefined,
  hasList: boolean,
): Promise<boolean> {
  if (hasList) return checksum === undefined || formatChecksum(checksum) === pin.checksum;
  if (facts === undefined) return true;
  const record = pin.digest === undefined ? undefined : await readRecord(effects, home, pin.digest);
  return record?.validator !== undefined && record.validator === facts.validator;
}

async function resolvePinnedUrl(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  pin: ImagePin,
  options: ResolveOptions,
): Promise<ImageResolution> {
  const checksum = pin.checksum === undefined ? undefined : parseChecksum(pin.checksum);
  const key = checksum === undefined ? urlKey(spec.inputs) : fileKey(checksum);
  const record = (await presentRecord(effects, home, pin.digest)) ?? (await findByKey(effects, home, key));
  if (record === undefined && spec.offline) notInStore(spec, publicUrl(spec.inputs.url ?? ""));
  let size = pin.size;
  if (record === undefined && size === undefined) {
    size = (await headFacts(effects, spec.inputs.url ?? "", deadline(options)))?.size;
  }
  return { ...(await resolution(effects, home, key, record, [], size)), pin };
}

/** A URL whose file's bytes are known: by lab.toml, or by a checksum list. */
async function resolveKnownFile(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  checksum: Checksum,
  known: RemoteFacts | undefined,
  options: ResolveOptions,
): Promise<ImageResolution> {
  const { inputs, offline } = spec;
  const url = inputs.url ?? "";
  const key = fileKey(checksum);
  const record = await findByKey(effects, home, key);
  if (record === undefined && offline) notInStore(spec, publicUrl(url));
  const facts =
    known ?? (record === undefined ? await headFacts(effects, url, deadline(options)) : undefined);
  const notes =
    record === undefined && facts === undefined
      ? [`${publicUrl(url)} does not answer; it is tried again when applying`]
      : [];
  const found = await resolution(effects, home, key, record, notes, facts?.size);
  if (parseChecksum(inputs.checksum ?? "") !== undefined) return found;
  const size = facts?.size ?? record?.download;
  return {
    ...found,
    pin: {
      source: sourceText(inputs),
      checksum: formatChecksum(checksum),
      ...(record === undefined ? {} : { digest: record.digest }),
      ...(size === undefined ? {} : { size }),
    },
  };
}

async function resolvePath(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  options: ResolveOptions,
): Promise<ImageResolution> {
  const { inputs, lab } = spec;
  const path = localPath(inputs, lab);
  const file = await effects.files.stat(path);
  if (file === undefined || file.kind !== "file") {
    fail({
      code: "image/file-not-found",
      summary: file === undefined ? `the image file ${path} does not exist` : `${path} is not a file`,
      hint: "A relative path counts from the file that declares it.",
      address: addressOf(spec),
    });
  }
  const hex = inputs.sha256 ?? (await fileDigest(effects, home, path, file, options.signal));
  const declared = parseChecksum(inputs.checksum ?? "");
  if (declared?.algorithm === "sha256" && declared.hex !== hex) {
    fail({
      code: "image/wrong-checksum",
      summary: `${path} does not have the declared checksum`,
      detail: `Declared: sha256:${declared.hex}\nFound:    sha256:${hex}`,
      hint: "Get the file anew, or correct the checksum in lab.toml.",
      address: addressOf(spec),
    });
  }
  const key = fileKey({ algorithm: "sha256", hex });
  return resolution(effects, home, key, await findByKey(effects, home, key), []);
}

async function resolveBootstrap(
  effects: Effects,
  home: Home,
  spec: ResolveSpec,
  options: ResolveOptions,
): Promise<ImageResolution> {
  const inputs = spec.inputs.bootstrap as BootstrapInputs;
  const source = sourceText(spec.inputs);
  const pin = validPin(spec.inputs, spec.pin);
  const notes: string[] = [];
  if (options.upgrade && !spec.offline) {
    const archive = await archiveState(effects, inputs, options.signal);
    const pinned = pin?.digest === undefined ? undefined : await presentRecord(effects, home, pin.digest);
    const same =
      pinned !== undefined &&
      pinned.recipe === BOOTSTRAP_RECIPE &&
      (archive === undefined || pinned.archive === archive);
    if (archive === undefined)
      notes.push(
        "the mirror does not tell its state; only the recipe's version decides whether to build anew",
      );
    if (!same) {
      const key = bootstrapKey(inputs, BOOTSTRAP_RECIPE, archive);
      const record = await findByKey(effects, home, key);
      return {
        ...(await resolution(effects, home, key, record, notes)),
        pin: { source, recipe: BOOTSTRAP_RECIPE, ...bootstrapPinOf(record) },
      };
    }
  } else if (options.upgrade) {
    notes.push("offline: nothing newer is looked for");
  }
  const recipe = pin?.recipe ?? BOOTSTRAP_RECIPE;
  const pinnedKey = bootstrapKey(inputs, recipe);
  const record =
    (await presentRecord(effects, home, pin?.digest)) ?? (await findByKey(effects, home, pinnedKey));
  if (record !== undefined || recipe === BOOTSTRAP_RECIPE) {
    if (record === undefined && spec.offline && needsNetwork(inputs))
      notInStore(spec, `a bootstrap of ${inputs.suite}`);
    const found = await resolution(effects, home, pinnedKey, record, notes);
    return { ...found, pin: pin ?? { source, recipe, ...bootstrapPinOf(record) } };
  }
  // Only the pinned image itself could have served: an old recipe cannot be built by this vmlab.
  if (spec.offline && needsNetwork(inputs)) notInStore(spec, `a bootstrap of ${inputs.suite}`);
  const key = bootstrapKey(inputs, BOOTSTRAP_RECIPE);
  const current = await findByKey(effects, home, key);
  notes.push(
    `vmlab.lock pins recipe ${recipe}, whose image is not on this host; this vmlab builds by recipe ${BOOTSTRAP_RECIPE}`,
  );
  return {
    ...(await resolution(effects, home, key, current, notes)),
    pin: { source, recipe: BOOTSTRAP_RECIPE, ...bootstrapPinOf(current) },
  };
}

/** Mirrors on this host can be used offline. */
export function needsNetwork(inputs: BootstrapInputs): boolean {
  return inputs.mirror === undefined || /^https?:/.test(inputs.mirror);
}

function bootstrapPinOf(record: ImageRecord | undefined): Partial<ImagePin> {
  if (record === undefined) return {};
  return { digest: record.digest, ...(record.release === undefined ? {} : { release: record.release }) };
}

async function resolveDigest(effects: Effects, home: Home, spec: ResolveSpec): Promise<ImageResolution> {
  const digest = bareDigest(spec.inputs.digest ?? "");
  const record = await readRecord(effects, home, digest);
  if (record === undefined) {
    if (
      archiveOf(spec) === undefined &&
      (await effects.files.stat(imageDiskPath(home, digest))) !== undefined
    )
      withoutRecord(spec);
    return resolveArchive(effects, spec, digestKey(digest));
  }
  return resolution(effects, home, digestKey(digest), record, []);
}

/** What an archive brings is known by its digest; whether it really does, importing it shows. */
async function resolveArchive(effects: Effects, spec: ResolveSpec, key: string): Promise<ImageResolution> {
  const from = archiveOf(spec);
  if (from === undefined) return notInStoreByDigest(spec);
  if ("url" in from) {
    if (spec.offline) notInStore(spec, publicUrl(from.url));
    return { key, present: false, notes: [] };
  }
  const file = await effects.files.stat(from.path);
  if (file?.kind === "file") return { key, present: false, notes: [] };
  return fail({
    code: "image/file-not-found",
    summary: `the archive ${from.path} does not exist`,
    hint: "A relative path counts from the file that declares it.",
    address: addressOf(spec),
  });
}

export function notInStoreByDigest(spec: Pick<ResolveSpec, "inputs" | "address">): never {
  fail({
    code: "image/not-in-store",
    summary: `the image ${spec.inputs.digest} is not in this host's store`,
    hint: "Import an archive of it (`vmlab images export` writes one): vmlab images import FILE. Or name the file in lab.toml with `archive`.",
    address: addressOf(spec),
  });
}

function withoutRecord(spec: ResolveSpec): never {
  fail({
    code: "image/record-missing",
    summary: `the record of the image ${spec.inputs.digest} is missing or damaged`,
    detail: "Its disk is in this host's store.",
    hint: "`vmlab images verify --repair` reads the disk, and writes the record anew.",
    address: addressOf(spec),
  });
}

function notInStore(spec: ResolveSpec, what: string): never {
  fail({
    code: "image/offline",
    summary: `${what} is not in the store, and the lab is offline`,
    hint: "Apply once without `offline`, or name a local copy of the image with path.",
    address: addressOf(spec),
  });
}

async function presentRecord(
  effects: Effects,
  home: Home,
  digest: string | undefined,
): Promise<ImageRecord | undefined> {
  if (digest === undefined || (await observeImage(effects, home, digest)).state !== "present")
    return undefined;
  return readRecord(effects, home, digest);
}

async function resolution(
  effects: Effects,
  home: Home,
  key: string,
  record: ImageRecord | undefined,
  notes: readonly string[],
  download?: number,
): Promise<ImageResolution> {
  if (record === undefined)
    return { key, present: false, ...(download === undefined ? {} : { download }), notes };
  const present = (await observeImage(effects, home, record.digest)).state === "present";
  return { key, digest: record.digest, present, virtualSize: record.virtual_size, notes };
}

function withNotes(found: ImageResolution, notes: readonly string[]): ImageResolution {
  return { ...found, notes: [...found.notes, ...notes] };
}

function offlineUpgrade(url: string): string {
  return `offline: nothing newer than the pinned file is looked for at ${publicUrl(url)}`;
}

function sizeOf(record: ImageRecord): { size?: number } {
  return record.download === undefined ? {} : { size: record.download };
}

function deadline(options: ResolveOptions): { timeoutMs: number; signal?: AbortSignal } {
  return { timeoutMs: PLAN_TIMEOUT_MS, ...(options.signal === undefined ? {} : { signal: options.signal }) };
}
