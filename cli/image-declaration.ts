/** `[images.NAME] digest = …` in lab.toml: whether it can be written, and the text with it. */
import { addTable, removeTable, replaceValue } from "../engine/config/edit.ts";
import type { Lab } from "../engine/config/types.ts";
import { fail } from "../engine/diagnostics.ts";
import { isJsonObject, type JsonObject } from "../engine/json.ts";
import { LAB_FILE } from "./workspace.ts";

/** As lab.schema.json has it for images that do not say. */
const DEFAULT_USER = "vmlab";

/** What is declared under the name now. */
export type Declared =
  | { readonly state: "free" }
  /** An image that is named by its digest, which another can take the place of. */
  | { readonly state: "digest"; readonly digest: string; readonly table: JsonObject };

/** Fails when an image called `name` cannot be declared in lab.toml, or not without losing another one. */
export function requireDeclarable(lab: Lab, name: string): Declared {
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > 40) {
    fail({
      code: "config/bad-name",
      summary: `"${name}" cannot be the name of an image`,
      detail: "Names are lower-case letters, digits and inner hyphens, beginning with a letter, at most 40.",
    });
  }
  const tables = lab.document.images;
  const table = isJsonObject(tables) ? tables[name] : undefined;
  if (!isJsonObject(table)) return { state: "free" };
  const origin = lab.origins.get(`images.${name}`);
  const range = origin === undefined ? undefined : lab.locate(origin);
  if (typeof table.digest === "string" && (origin === undefined || origin.file === LAB_FILE))
    return { state: "digest", digest: table.digest, table };
  return fail({
    code: "config/name-taken",
    summary: `there is an image "${name}" already${range === undefined ? "" : `, declared at ${range.file}:${range.start.line}`}`,
    detail:
      typeof table.digest === "string"
        ? `It is declared in ${origin?.file}, and only ${LAB_FILE} itself is edited.`
        : "An export takes the place of an image only where that is named by its digest too.",
    hint: "Give the export another name.",
    address: `image.${name}`,
    ...(range === undefined ? {} : { range }),
  });
}

/** lab.toml's text with the image declared; comments and layout stay. */
export async function declareImage(
  text: string,
  name: string,
  image: { readonly digest: string; readonly user: string; readonly os?: string },
  declared: Declared,
): Promise<string> {
  const path = ["images", name];
  const wanted = declaration({ ...image, digest: `sha256:${image.digest}` });
  if (declared.state === "free") return await addTable(text, path, wanted);
  const { table } = declared;
  const changed = Object.entries(wanted).filter(([key, value]) => table[key] !== value);
  const dropped = Object.keys(table).filter((key) => key === "user" && wanted.user === undefined);
  if (dropped.length === 0 && changed.every(([key]) => table[key] !== undefined)) {
    let edited = text;
    for (const [key, value] of changed) edited = await replaceValue(edited, [...path, key], value);
    return edited;
  }
  const kept = Object.entries(table).filter(([key]) => !dropped.includes(key));
  return await addTable(await removeTable(text, path), path, { ...Object.fromEntries(kept), ...wanted });
}

/** The table's content. */
export function declaration(image: {
  readonly digest: string;
  readonly user: string;
  readonly os?: string;
}): JsonObject {
  return {
    digest: image.digest,
    ...(image.user === DEFAULT_USER ? {} : { user: image.user }),
    ...(image.os === undefined ? {} : { os: image.os }),
  };
}
