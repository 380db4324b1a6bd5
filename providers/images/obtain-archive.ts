/** An image that lab.toml names by its digest → the store, from the archive that lab.toml names beside it. */
import { isAbsolute, join } from "node:path";
import { fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageSpec } from "../provider.ts";
import { download } from "./download.ts";
import type { ImageRecord } from "./image-record.ts";
import { publicUrl, urlFileName } from "./image-url.ts";
import { withKeyLock } from "./key-lock.ts";
import { partialOf } from "./partial-download.ts";
import { setAside } from "./set-aside.ts";
import { bareDigest, readRecord } from "./store.ts";

type ArchiveSpec = Pick<ImageSpec, "address" | "inputs" | "lab">;

/** Absolute path of a local archive, or its URL; undefined when lab.toml names none. */
export function archiveOf({ inputs, lab }: ArchiveSpec): { path: string } | { url: string } | undefined {
  const { archive } = inputs;
  if (archive === undefined) return undefined;
  if (/^https?:/.test(archive)) return { url: archive };
  return { path: isAbsolute(archive) ? archive : join(lab.folder, archive) };
}

/** Only the image of the digest counts: an archive of another one is refused, and what it holds may stay. */
export async function obtainArchive(
  effects: Effects,
  home: Home,
  spec: ArchiveSpec,
  context: CallContext,
): Promise<ImageRecord | undefined> {
  const from = archiveOf(spec);
  if (from === undefined) return undefined;
  const { importArchive } = await import("./registry/import-archive.ts");
  const digest = bareDigest(spec.inputs.digest ?? "");
  if ("path" in from) await importArchive(effects, home, from.path, { context, wanted: digest });
  else {
    const { url } = from;
    await withKeyLock(effects, home, `download-${partialOf(home, url).name}`, context, async () => {
      const downloaded = await download(effects, home, url, { address: spec.address, context });
      const shown = publicUrl(url);
      try {
        await importArchive(effects, home, downloaded.path, { context, wanted: digest, shown });
      } catch (error) {
        // It came in full, so that the next try would go on from its end and find the same.
        if (isDiagnosticsError(error) && error.diagnostics.some(({ code }) => REFUSALS.has(code))) {
          const aside = await setAside(effects, home, downloaded.path, urlFileName(url));
          context.output(`the refused file is kept as ${aside}`);
          await downloaded.forget();
        }
        throw error;
      }
      await downloaded.forget();
    });
  }
  return readRecord(effects, home, digest);
}

/** Diagnostics after which the downloaded file must not be used again. */
const REFUSALS = new Set(["host/archive-damaged", "host/archive-unsafe", "image/unsafe-qcow2"]);

/** An archive of other images: nothing of it is taken. */
export function notInArchive(shown: string, digest: string, there: readonly string[]): never {
  fail({
    code: "image/not-in-archive",
    summary: `${shown} does not hold the image that lab.toml names`,
    detail: `Wanted: sha256:${digest}\n${there.map((other) => `There:  sha256:${other}`).join("\n")}`,
    hint: "Correct the digest or the archive in lab.toml; `vmlab images export` prints the digest of what it writes.",
  });
}
