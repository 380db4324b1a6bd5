/** Gets an image into the store, once, whoever else wants it at the same time. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageSpec, ObtainedImage } from "../provider.ts";
import { imageAttributes } from "./image-attributes.ts";
import { type Obtained, pinOf } from "./image-pin.ts";
import type { ImageRecord } from "./image-record.ts";
import { validPin } from "./image-source.ts";
import { withKeyLock } from "./key-lock.ts";
import { obtainArchive } from "./obtain-archive.ts";
import { obtainBootstrap } from "./obtain-bootstrap.ts";
import { obtainPath } from "./obtain-path.ts";
import { obtainUrl } from "./obtain-url.ts";
import { addressOf, notInStoreByDigest } from "./resolve.ts";
import { findByKey, listImages, observeImage, readRecord, verifyChain } from "./store.ts";

export async function obtainImage(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  context: CallContext,
): Promise<ObtainedImage> {
  const { record, pin } = await withKeyLock<Obtained>(effects, home, spec.key, context, async () => {
    // Another process may have made it while this one waited for the lock.
    const anew = spec.fresh === true && spec.inputs.source === "bootstrap";
    const there = anew ? undefined : await inStore(effects, home, spec, context);
    if (there !== undefined) return { record: there, ...pinOf(spec.inputs, spec.pin, there) };
    switch (spec.inputs.source) {
      case "url":
        return obtainUrl(effects, home, spec, context);
      case "path":
        return { record: await obtainPath(effects, home, spec, context) };
      case "bootstrap":
        return obtainBootstrap(effects, home, spec, context);
      case "digest":
        return { record: (await obtainArchive(effects, home, spec, context)) ?? notInStoreByDigest(spec) };
      case "build":
        throw new Error(`${spec.address} is built by another provider`);
    }
  });
  return {
    digest: record.digest,
    attributes: imageAttributes(record, { key: spec.key, ...(pin === undefined ? {} : { pin }) }),
    ...(pin === undefined ? {} : { pin }),
  };
}

/** The pinned image, or the newest with the key. Files that look touched are read in full before they are used. */
async function inStore(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  context: CallContext,
): Promise<ImageRecord | undefined> {
  const { inputs, key } = spec;
  const wanted = inputs.source === "digest" ? inputs.digest : validPin(inputs, spec.pin)?.digest;
  if (wanted !== undefined) {
    const record = await readRecord(effects, home, wanted);
    if (record !== undefined && (await isWhole(effects, home, record, context))) return record;
    if (inputs.source === "digest") {
      if (record === undefined || inputs.archive !== undefined) return undefined;
      fail({
        code: "image/damaged",
        summary: `the image ${inputs.digest} in the store is damaged`,
        detail: "Its bytes are not those that its digest names.",
        hint: "Import it again: vmlab images import FILE. `vmlab images verify --repair` looks for its bytes elsewhere in the store.",
        address: addressOf(spec),
      });
    }
  }
  const found = await findByKey(effects, home, key);
  if (found !== undefined) return found;
  for (const record of await listImages(effects, home)) {
    if (record.keys.includes(key) && (await isWhole(effects, home, record, context))) return record;
  }
  return undefined;
}

async function isWhole(
  effects: Effects,
  home: Home,
  record: ImageRecord,
  context: CallContext,
): Promise<boolean> {
  const observed = await observeImage(effects, home, record.digest);
  if (observed.state !== "changed") return observed.state === "present";
  return (await verifyChain(effects, home, record.digest, { mend: true, context })).state === "whole";
}
