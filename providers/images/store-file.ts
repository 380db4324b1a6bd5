/** A disk file at hand → the store. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext } from "../provider.ts";
import { type Checksum, formatChecksum } from "./checksum.ts";
import type { ImageFacts, ImageRecord } from "./image-record.ts";
import { importDisk } from "./import-disk.ts";
import { admitImage, preparedDisk } from "./store.ts";
import { withWorkplace } from "./workplace.ts";

export interface FileToStore {
  /** Puts the file at this path, on the store's file system. It is used up. */
  readonly take: (path: string) => Promise<void>;
  /** Called with the untouched file when it was refused before anything was done to it. */
  readonly giveBack?: (path: string) => Promise<void>;
  readonly key: string;
  readonly address: string;
  /** What the user calls the file. */
  readonly shown: string;
  /** The checksum of the file, already verified. */
  readonly checksum: Checksum;
  readonly context: CallContext;
  readonly facts: Omit<ImageFacts, "format" | "virtual_size" | "checksum">;
}

export async function storeFile(effects: Effects, home: Home, file: FileToStore): Promise<ImageRecord> {
  const { address, shown, context } = file;
  return withWorkplace(effects, home, async ({ folder }) => {
    const image = join(folder, "image");
    await effects.files.makeDir(image);
    const source = join(folder, "source");
    await file.take(source);
    const disk = preparedDisk(image);
    let imported: Awaited<ReturnType<typeof importDisk>>;
    try {
      imported = await importDisk(effects, source, disk, { folder, address, shown, context });
    } catch (error) {
      if ((await effects.files.stat(source)) !== undefined) await file.giveBack?.(source);
      throw error;
    }
    // Known only now: what was taken is what counts.
    const { checksum } = file;
    const digest =
      imported.untouched && checksum.algorithm === "sha256"
        ? checksum.hex
        : await effects.files.sha256(disk, {
            signal: context.signal,
            progress: (done) => context.progress("reading the image", { unit: "bytes", done }),
          });
    const facts: ImageFacts = {
      ...file.facts,
      format: imported.format,
      virtual_size: imported.virtualSize,
      checksum: formatChecksum(checksum),
    };
    return admitImage(effects, home, { folder: image, digest, key: file.key, facts, context });
  });
}
