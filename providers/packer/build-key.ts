/** The key of a build: what makes two builds the same recipe. See docs/concepts.md. */
import { catalogue, catalogueSteps } from "../../engine/config/catalogue.ts";
import { describeStep } from "../../engine/config/describe-step.ts";
import type { BuildInputs, ImageInputs, ProvisionStep } from "../../engine/config/types.ts";
import { canonicalJson, sha256 } from "../../engine/json.ts";
import type { ImagePin } from "../provider.ts";

/** Version of the template and of what surrounds the user's steps: preparing, sealing. A change of these raises it. */
export const TEMPLATE_VERSION = 1;

/** The versions by which vmlab builds, pinned in vmlab.lock. */
export interface BuildVersions {
  readonly recipe: number;
  /** Of the catalogue's role; absent without one. */
  readonly catalogue?: number;
}

/** The versions of this vmlab. */
export function currentVersions(build: BuildInputs, templateVersion: number): BuildVersions {
  const role = build.use === undefined ? undefined : catalogue[build.use];
  return { recipe: templateVersion, ...(role === undefined ? {} : { catalogue: role.version }) };
}

/** What a pin belongs to. */
export function pinSource(build: BuildInputs): string {
  return build.use === undefined ? "build" : `build:${build.use}`;
}

/** The pinned versions; undefined when there are none, or the pin belongs to another recipe. */
export function pinnedVersions(build: BuildInputs, pin: ImagePin | undefined): BuildVersions | undefined {
  if (pin?.source !== pinSource(build) || pin.recipe === undefined) return undefined;
  if (build.use === undefined) return { recipe: pin.recipe };
  return pin.catalogue === undefined ? undefined : { recipe: pin.recipe, catalogue: pin.catalogue };
}

/**
 * The key. What a role of the catalogue brings in counts by its name and version only, so that a vmlab with a newer
 * catalogue finds what an older one built.
 */
export function buildKey(inputs: ImageInputs, parentKey: string, versions: BuildVersions): string {
  const build = buildOf(inputs);
  const own = ownRecipe(inputs);
  return sha256(
    canonicalJson({
      kind: "build",
      parent: parentKey,
      recipe: versions.recipe,
      use: build.use,
      catalogue: versions.catalogue,
      os: build.use === undefined ? undefined : inputs.os,
      options: own.options,
      steps: own.steps.map(stepIdentity),
      verify: own.verify,
      disk: own.disk,
      packer: build.packer?.sha256,
    }),
  );
}

/** The recipe, a line a step, for people. */
export function recipeLines(build: BuildInputs): readonly string[] {
  return build.steps.map(describeStep);
}

/** The recipe of an image whose source is `build`. */
export function buildOf(inputs: ImageInputs): BuildInputs {
  if (inputs.build === undefined) throw new Error("an image without a recipe is not built");
  return inputs.build;
}

interface OwnRecipe {
  readonly options: Readonly<Record<string, string>>;
  readonly steps: readonly ProvisionStep[];
  readonly verify: readonly string[];
  readonly disk: number | undefined;
}

/** The recipe without what the catalogue's role contributes. */
function ownRecipe(inputs: ImageInputs): OwnRecipe {
  const build = buildOf(inputs);
  const { use, options, steps, verify, disk } = build;
  const role = use === undefined ? undefined : catalogue[use];
  if (role === undefined || inputs.os === undefined || role.on[inputs.os] === undefined)
    return { options, steps, verify, disk };
  const from = catalogueSteps(role, inputs.os, options);
  const chosen = Object.entries(options).filter(([name, value]) => role.options[name]?.default !== value);
  return {
    options: Object.fromEntries(chosen),
    steps: withoutBeginning(steps, from.steps),
    verify: withoutBeginning(verify, from.verify),
    disk: disk <= from.disk ? undefined : disk,
  };
}

function withoutBeginning<Item>(all: readonly Item[], beginning: readonly Item[]): readonly Item[] {
  const begins = beginning.every((item, index) => canonicalJson(item) === canonicalJson(all[index]));
  return begins ? all.slice(beginning.length) : all;
}

/** A step with the content of its file instead of the file's name; a moved script is the same script. */
function stepIdentity(step: ProvisionStep): unknown {
  if (step.kind === "script") return { kind: step.kind, sha256: step.sha256 };
  if (step.kind === "file" && step.from !== undefined) {
    const { to, mode, owner } = step;
    return { kind: step.kind, to, mode, owner, sha256: step.sha256 };
  }
  return step;
}
