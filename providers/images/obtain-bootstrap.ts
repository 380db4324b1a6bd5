/** Packages → store. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageSpec } from "../provider.ts";
import { archiveState } from "./bootstrap/apt-sources.ts";
import { type BootstrapInputs, bootstrapFolders, buildBootstrap } from "./bootstrap/build.ts";
import { diskLayout } from "./bootstrap/disk-layout.ts";
import { BOOTSTRAP_RECIPE } from "./bootstrap/recipe.ts";
import { labelsOf } from "./image-labels.ts";
import { type Obtained, pinOf } from "./image-pin.ts";
import type { ImageFacts } from "./image-record.ts";
import { bootstrapKey, sourceText } from "./image-source.ts";
import { addressOf, needsNetwork } from "./resolve.ts";
import { addKey, admitImage, preparedDisk } from "./store.ts";
import { withWorkplace } from "./workplace.ts";

export async function obtainBootstrap(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  context: CallContext,
): Promise<Obtained> {
  const inputs = spec.inputs.bootstrap as BootstrapInputs;
  const address = addressOf(spec);
  if (spec.offline && needsNetwork(inputs)) {
    fail({
      code: "image/offline",
      summary: `bootstrapping ${inputs.distribution} ${inputs.suite} needs its packages, and the lab is offline`,
      hint: "Apply once without `offline`, or name a local mirror (file:…).",
      address,
    });
  }
  // Asked before: what is published during the build is news.
  const archive = await archiveState(effects, inputs, context.signal);
  const record = await withWorkplace(
    effects,
    home,
    async (place) => {
      const image = join(place.folder, "image");
      await effects.files.makeDir(image);
      const target = preparedDisk(image);
      const folders = bootstrapFolders(effects, place.folder, place.id);
      const { release } = await buildBootstrap(effects, inputs, { address, folders, target, context });
      context.progress("reading the image");
      const digest = await effects.files.sha256(target, { signal: context.signal });
      const facts: ImageFacts = {
        ...labelsOf(spec),
        kind: "bootstrap",
        source: sourceText(spec.inputs),
        format: "qcow2",
        virtual_size: diskLayout(inputs.size).size,
        release,
        recipe: BOOTSTRAP_RECIPE,
        ...(archive === undefined ? {} : { archive }),
      };
      return admitImage(effects, home, { folder: image, digest, key: spec.key, facts, context });
    },
    async (place) => bootstrapFolders(effects, place.folder, place.id).outside,
  );
  const keyed = await addKey(effects, home, record, bootstrapKey(inputs, BOOTSTRAP_RECIPE));
  const obtained = { record: keyed, ...pinOf(spec.inputs, spec.pin, keyed) };
  if (obtained.pin?.release !== undefined && obtained.pin.release !== keyed.release) {
    context.output(
      `installed release ${keyed.release}; vmlab.lock says ${obtained.pin.release} until \`vmlab apply --upgrade ${address}\``,
    );
  }
  return obtained;
}
