/** What a build would run, for `vmlab images render`. */
import { isUtf8 } from "node:buffer";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { type JsonObject, sha256 } from "../../engine/json.ts";
import type { ImageSpec } from "../provider.ts";
import { chooseAccel } from "../qemu/accel-probe.ts";
import { buildOf } from "./build-key.ts";
import { buildSeed } from "./build-seed.ts";
import { type Dialect, installedDialect } from "./packer-program.ts";
import { buildTemplate } from "./template.ts";
import { readRecipe } from "./write-build-folder.ts";

export interface RenderedBuild {
  readonly dialect: Dialect;
  /** The template that vmlab writes, also where the recipe names one of the user's own. */
  readonly template: JsonObject;
  /** Texts of the files beside it, by path: scripts, files of the steps, the seed. */
  readonly files: Readonly<Record<string, string>>;
}

/** Reads the lab's files; writes nothing but caches. Without `dialect`: that of the installed Packer. */
export async function renderBuild(
  effects: Effects,
  home: Home,
  spec: Omit<ImageSpec, "key">,
  options: { readonly dialect?: Dialect } = {},
): Promise<RenderedBuild> {
  const build = buildOf(spec.inputs);
  const recipe = await readRecipe(effects, build, { address: spec.address, folder: spec.lab.folder });
  const dialect = options.dialect ?? (await installedDialect(effects, home));
  const template = buildTemplate(
    {
      accelerator: await chooseAccel(effects, home, "auto"),
      cpus: build.cpus,
      memory: build.memory,
      disk: build.disk,
      scripts: recipe.scripts,
      hasPayload: recipe.payload.length > 0,
    },
    dialect,
  );
  const seed = buildSeed("ssh-ed25519 (made for each build) vmlab build");
  return {
    dialect,
    template,
    files: Object.fromEntries([
      ...recipe.scripts.map(({ path, text }) => [path, text]),
      ...recipe.payload.map(({ path, content }) => [path, shown(content)]),
      ...Object.entries(seed).map(([name, text]) => [`seed/${name}`, text]),
    ]),
  };
}

function shown(content: Buffer): string {
  if (isUtf8(content) && !content.includes(0)) return content.toString("utf8");
  return `(${content.length} bytes, sha256:${sha256(content)})\n`;
}
