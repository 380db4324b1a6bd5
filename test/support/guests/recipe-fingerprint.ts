import { assetPath } from "../../../engine/asset-path.ts";
import type { Files } from "../../../engine/effects.ts";
import { canonicalJson, sha256 } from "../../../engine/json.ts";
import { diskLayout } from "../../../providers/images/bootstrap/disk-layout.ts";
import {
  ENABLED_UNITS,
  earlyGuestFiles,
  guestFiles,
  MASKED_UNITS,
} from "../../../providers/images/bootstrap/guest-files.ts";
import { BOOTSTRAP_RECIPE, bootstrapPackages } from "../../../providers/images/bootstrap/recipe.ts";

/** Changes with anything that makes bootstrapped images come out differently. */
export async function recipeFingerprint(files: Pick<Files, "readText">): Promise<string> {
  const scripts = ["prepare.sh", "customize.sh"].map((name) =>
    assetPath(`providers/images/bootstrap/${name}`),
  );
  return sha256(
    canonicalJson({
      version: BOOTSTRAP_RECIPE,
      packages: [bootstrapPackages("debian", "bookworm", []), bootstrapPackages("ubuntu", "noble", [])],
      files: [earlyGuestFiles(), guestFiles("UUID")],
      units: [MASKED_UNITS, ENABLED_UNITS],
      disk: diskLayout(2 * 1024 ** 3),
      scripts: await Promise.all(scripts.map((path) => files.readText(path))),
    }),
  );
}
