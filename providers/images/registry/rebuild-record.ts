/** image.json anew, from the disk itself and from the labs that know it. */
import { join } from "node:path";
import { describeStep } from "../../../engine/config/describe-step.ts";
import type { ImageInputs } from "../../../engine/config/types.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { readLedger } from "../../../engine/host/labs.ts";
import { readStateFiles, stateFilesIn } from "../../../engine/state/state-files.ts";
import type { ResourceState } from "../../../engine/state/types.ts";
import { type ImageFacts, type ImageKind, type ImageRecord, imageRecord } from "../image-record.ts";
import { fileKey } from "../image-source.ts";
import { digestInPath, readBackingFile } from "../qcow2-backing.ts";
import { parseQcow2Header } from "../qcow2-header.ts";

const HEADER_BYTES = 104;

/** `disk` holds the bytes that `digest` names; verified by the caller. */
export async function rebuildRecord(
  effects: Effects,
  home: Home,
  digest: string,
  disk: string,
): Promise<ImageRecord> {
  const header = parseQcow2Header(await effects.files.readPart(disk, 0, HEADER_BYTES));
  const backing = await readBackingFile(effects, disk);
  const file = await effects.files.stat(disk);
  if (file === undefined) throw new Error(`${disk} vanished`);
  const parent = backing.kind === "file" ? digestInPath(backing.path) : undefined;
  const known = await knownToLabs(effects, home, digest);
  const first = known[0];
  const facts: ImageFacts = {
    kind: parent === undefined ? "import" : "custom",
    source: "found in the store",
    format: "qcow2",
    ...(first === undefined ? {} : factsOf(first)),
    ...(parent === undefined ? {} : { parent }),
    virtual_size: header?.virtualSize ?? 0,
  };
  const keys = known.flatMap(({ attributes }) => (typeof attributes.key === "string" ? attributes.key : []));
  // The bytes of a disk that stands by itself are a recipe, too: that of a file with them.
  if (parent === undefined) keys.push(fileKey({ algorithm: "sha256", hex: digest }));
  const created = first?.attributes.created;
  const record = imageRecord(facts, { digest, key: "", file, now: Math.floor(file.mtimeMs) });
  return {
    ...record,
    keys: [...new Set(keys)],
    ...(typeof created === "string" ? { created } : {}),
  };
}

/** What the labs of this host record of an image; states that cannot be read are passed over. */
async function knownToLabs(effects: Effects, home: Home, digest: string): Promise<readonly ResourceState[]> {
  const found: ResourceState[] = [];
  for (const { folder } of (await readLedger(effects, home)).labs) {
    const stored = await readStateFiles(effects, stateFilesIn(join(folder, ".vmlab"))).catch(() => undefined);
    for (const record of Object.values(stored?.state.resources ?? {})) {
      if ((record.type === "image" || record.type === "role") && record.instance === digest)
        found.push(record);
    }
  }
  return found;
}

function factsOf({ address, type, name, inputs, attributes }: ResourceState): Partial<ImageFacts> {
  const declared = inputs as unknown as Partial<ImageInputs>;
  const texts: Record<string, string> = {};
  for (const field of ["source", "checksum", "release"] as const) {
    const value = attributes[field];
    if (typeof value === "string") texts[field] = value;
  }
  return {
    ...texts,
    kind: kindOf(declared.source, type),
    name: typeof attributes.name === "string" ? attributes.name : name,
    address,
    format: typeof attributes.source_format === "string" ? attributes.source_format : "qcow2",
    ...(declared.os === undefined ? {} : { os: declared.os }),
    ...(declared.user === undefined ? {} : { user: declared.user }),
    ...(declared.build?.use === undefined ? {} : { use: declared.build.use }),
    ...(declared.build === undefined ? {} : { steps: declared.build.steps.map(describeStep) }),
    ...(typeof attributes.recipe === "number" ? { recipe: attributes.recipe } : {}),
  };
}

function kindOf(source: ImageInputs["source"] | undefined, type: ResourceState["type"]): ImageKind {
  switch (source) {
    case "url":
    case "path":
    case "bootstrap":
      return source;
    case "build":
      return type === "role" ? "role" : "custom";
    default:
      return "import";
  }
}
