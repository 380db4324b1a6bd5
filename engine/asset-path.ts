/** Where files lie that vmlab reads at run time and that are not code: shell scripts, schemas. */
import { fileURLToPath } from "node:url";

/**
 * Absolute path of an asset, named by its path in the repository (`providers/images/bootstrap/customize.sh`).
 *
 * The build bundles all code into one flat folder and copies assets to `assets/` below it; run from the sources, this
 * module's own place tells where the repository begins.
 */
export function assetPath(name: string): string {
  return fileURLToPath(new URL(`${assetRoot(import.meta.url)}${name}`, import.meta.url));
}

/** From the module at `url` to the folder that asset names are relative to. */
export function assetRoot(url: string): "../" | "assets/" {
  return url.endsWith("/engine/asset-path.ts") ? "../" : "assets/";
}
