/** What an image's record says of the resource that it was first made for. */
import type { ImageSpec } from "../provider.ts";
import type { ImageRecord } from "./image-record.ts";

export type ImageLabels = Pick<ImageRecord, "name" | "address" | "os" | "user">;

export function labelsOf(spec: Pick<ImageSpec, "name" | "address" | "inputs">): ImageLabels {
  const { os, user } = spec.inputs;
  return { name: spec.name, address: spec.address, ...(os === undefined ? {} : { os }), user };
}
