/** What vmlab.lock shall have of an image. */
import type { ImageInputs } from "../../engine/config/types.ts";
import type { ImagePin } from "../provider.ts";
import { parseChecksum } from "./checksum.ts";
import type { ImageRecord } from "./image-record.ts";
import { sourceText, validPin } from "./image-source.ts";

/** An image and its pin. */
export interface Obtained {
  readonly record: ImageRecord;
  readonly pin?: ImagePin;
}

/** Whether lab.toml leaves something open that vmlab.lock has to pin. */
function needsPin(inputs: ImageInputs): boolean {
  if (inputs.source === "bootstrap") return true;
  return inputs.source === "url" && parseChecksum(inputs.checksum ?? "") === undefined;
}

/**
 * The pin of an image in the store. What a valid pin says, stays: a bootstrap's bytes differ from host to host, and
 * vmlab.lock must not go to and fro between them.
 */
export function pinOf(
  inputs: ImageInputs,
  given: ImagePin | undefined,
  record: ImageRecord,
): { readonly pin?: ImagePin } {
  if (!needsPin(inputs)) return {};
  return {
    pin: {
      source: sourceText(inputs),
      ...(record.checksum === undefined ? {} : { checksum: record.checksum }),
      digest: record.digest,
      ...(record.download === undefined ? {} : { size: record.download }),
      ...(record.recipe === undefined ? {} : { recipe: record.recipe }),
      ...(record.release === undefined ? {} : { release: record.release }),
      ...validPin(inputs, given),
    },
  };
}
