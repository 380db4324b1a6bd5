import type { JsonObject } from "../../engine/json.ts";
import type { ImagePin } from "../provider.ts";
import type { ImageRecord } from "./image-record.ts";

/** What the engine records of an image. */
export function imageAttributes(
  record: ImageRecord,
  more: { key?: string; pin?: ImagePin } = {},
): JsonObject {
  return {
    digest: record.digest,
    ...(record.name === undefined ? {} : { name: record.name }),
    key: more.key ?? record.keys.at(-1) ?? "",
    virtual_size: record.virtual_size,
    size: record.size,
    format: "qcow2",
    source: record.source,
    source_format: record.format,
    created: record.created,
    ...(record.checksum === undefined ? {} : { checksum: record.checksum }),
    ...(record.release === undefined ? {} : { release: record.release }),
    ...(record.recipe === undefined ? {} : { recipe: record.recipe }),
    ...(more.pin === undefined ? {} : { pin: { ...more.pin } }),
  };
}
