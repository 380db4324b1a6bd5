/** Writes everything that Packer reads into a build's folder. */
import { join } from "node:path";
import { assetPath } from "../../engine/asset-path.ts";
import type { BuildInputs } from "../../engine/config/types.ts";
import type { Effects } from "../../engine/effects.ts";
import type { JsonObject } from "../../engine/json.ts";
import { readUnchanged } from "../../engine/unchanged-file.ts";
import { makeSeedIso, writeSeedFiles } from "../qemu/seed-iso.ts";
import { makeKeyPair } from "../qemu/ssh-keys.ts";
import { type BuildScripts, buildScripts } from "./build-scripts.ts";
import { BUILD_KEY_COMMENT, buildSeed } from "./build-seed.ts";
import type { Dialect } from "./packer-program.ts";
import { type RecipeFiles, readStepContents } from "./step-contents.ts";
import { BUILD_FILES, buildTemplate, type TemplateInputs } from "./template.ts";
import { templateName, templateVariables } from "./user-template.ts";

/** A recipe as scripts and files. */
export async function readRecipe(
  effects: Pick<Effects, "files">,
  build: BuildInputs,
  from: RecipeFiles,
): Promise<BuildScripts> {
  const [contents, prepare, seal] = await Promise.all([
    readStepContents(effects, build.steps, from),
    effects.files.readText(assetPath("providers/packer/prepare.sh")),
    effects.files.readText(assetPath("providers/images/seal.sh")),
  ]);
  return buildScripts(contents, { prepare, seal });
}

/** What Packer is run with. */
export interface WrittenBuild {
  /** Name of the template in the folder. */
  readonly template: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function writeBuildFolder(
  effects: Effects,
  folder: string,
  build: BuildInputs,
  recipe: BuildScripts,
  options: {
    readonly inputs: TemplateInputs;
    readonly dialect: Dialect;
    readonly from: RecipeFiles;
  },
): Promise<WrittenBuild> {
  const { inputs, dialect, from } = options;
  await effects.files.makeDir(join(folder, BUILD_FILES.steps));
  await effects.files.makeDir(join(folder, BUILD_FILES.payload));
  for (const { path, text } of recipe.scripts) await effects.files.write(join(folder, path), text);
  for (const { path, content } of recipe.payload) await effects.files.write(join(folder, path), content);
  const { publicKey } = await makeKeyPair(effects, join(folder, BUILD_FILES.key), BUILD_KEY_COMMENT);
  const seed = buildSeed(publicKey);
  await writeSeedFiles(effects, join(folder, BUILD_FILES.seedFiles), seed);
  await makeSeedIso(
    effects,
    join(folder, BUILD_FILES.seed),
    join(folder, BUILD_FILES.seedFiles),
    Object.keys(seed),
  );
  if (build.packer === undefined) {
    const text = templateText(buildTemplate(inputs, dialect));
    await effects.files.write(join(folder, BUILD_FILES.template), text);
    return { template: BUILD_FILES.template, env: {} };
  }
  const template = templateName(build.packer.path);
  const bytes = await readUnchanged(effects, {
    ...from,
    path: build.packer.path,
    sha256: build.packer.sha256,
  });
  await effects.files.write(join(folder, template), bytes);
  return { template, env: templateVariables(inputs, from.folder) };
}

function templateText(template: JsonObject): string {
  return `${JSON.stringify(template, undefined, 2)}\n`;
}
