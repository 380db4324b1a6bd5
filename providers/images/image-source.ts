/** Names of sources: what a pin belongs to, and what a recipe hashes to. */
import { isAbsolute, join } from "node:path";
import type { ImageInputs } from "../../engine/config/types.ts";
import { canonicalJson, sha256 } from "../../engine/json.ts";
import type { ImagePin, LabIdentity } from "../provider.ts";
import type { BootstrapInputs } from "./bootstrap/build.ts";
import { type Checksum, formatChecksum } from "./checksum.ts";
import { publicUrl } from "./image-url.ts";

/** The source as vmlab.lock and people read it. A pin counts as long as this text stays the same. */
export function sourceText(inputs: ImageInputs): string {
  switch (inputs.source) {
    case "url": {
      const checksum = inputs.checksum?.replace(
        /^file:(https?:.*)$/,
        (_, url: string) => `file:${publicUrl(url)}`,
      );
      return [publicUrl(inputs.url ?? ""), ...(checksum === undefined ? [] : [`checksum=${checksum}`])].join(
        " ",
      );
    }
    case "path":
      return inputs.path ?? "";
    case "digest":
      return inputs.digest ?? "";
    case "build":
      return inputs.build?.use === undefined ? "build" : `build:${inputs.build.use}`;
    case "bootstrap": {
      const { distribution, suite, mirror, packages = [], size } = inputs.bootstrap ?? {};
      return [
        `bootstrap:${distribution}/${suite}`,
        ...(mirror === undefined ? [] : [`mirror=${mirror}`]),
        ...(packages.length === 0 ? [] : [`packages=${packageSet(packages).join(",")}`]),
        `size=${size}`,
      ].join(" ");
    }
  }
}

/** The pin, when it belongs to what is declared now. */
export function validPin(inputs: ImageInputs, pin: ImagePin | undefined): ImagePin | undefined {
  return pin?.source === sourceText(inputs) ? pin : undefined;
}

/** The key of a file whose bytes are known: the same wherever it comes from. */
export function fileKey(checksum: Checksum): string {
  return keyOf({ kind: "file", checksum: formatChecksum(checksum) });
}

/** The key of a file whose bytes are not known yet; `state` tells one version of it from the next. */
export function urlKey(inputs: ImageInputs, state?: string): string {
  return keyOf({ kind: "url", source: sourceText(inputs), state });
}

/** The key of a bootstrap. `archive` is given when a newer state of the archive is asked for. */
export function bootstrapKey(inputs: BootstrapInputs, recipe: number, archive?: string): string {
  const { distribution, suite, mirror, packages, size } = inputs;
  return keyOf({
    kind: "bootstrap",
    distribution,
    suite,
    mirror,
    packages: packageSet(packages),
    size,
    recipe,
    archive,
  });
}

export function digestKey(digest: string): string {
  return keyOf({ kind: "digest", digest });
}

/** Absolute path of a local image file. */
export function localPath(inputs: ImageInputs, lab: LabIdentity): string {
  const path = inputs.path ?? "";
  return isAbsolute(path) ? path : join(lab.folder, path);
}

function packageSet(packages: readonly string[]): readonly string[] {
  return [...new Set(packages)].sort();
}

function keyOf(recipe: unknown): string {
  return sha256(canonicalJson(recipe));
}
