/** The names that a lab.toml declares, read without judging it: a completion has no use for what is wrong with it. */
import { join } from "node:path";
import { findIncludes } from "../../engine/config/find-includes.ts";
import { parseToml } from "../../engine/config/toml/parse-toml.ts";
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject, type JsonObject } from "../../engine/json.ts";
import { readTextIfThere } from "../../engine/read-text-if-there.ts";
import { LAB_FILE } from "../workspace.ts";

/** Tables of lab.toml and its includes whose keys are names. */
const TABLES = [
  "environments",
  "images",
  "networks",
  "roles",
  "secrets",
  "templates",
  "vars",
  "vms",
  "volumes",
] as const;

export type DeclaredNames = Readonly<Record<(typeof TABLES)[number], readonly string[]>>;

/** A file that cannot be read declares nothing. */
export async function declaredNames(
  { files }: Pick<Effects, "files">,
  folder: string,
): Promise<DeclaredNames> {
  const main = await readDocument(files, join(folder, LAB_FILE));
  const included = await includedPaths(files, folder, main);
  const others = await Promise.all(included.map((path) => readDocument(files, join(folder, path))));
  const keysOf = (table: string): string[] =>
    [main, ...others].flatMap((document) => {
      const value = document?.[table];
      return isJsonObject(value) ? Object.keys(value) : [];
    });
  return Object.fromEntries(TABLES.map((table) => [table, keysOf(table)])) as Record<
    (typeof TABLES)[number],
    string[]
  >;
}

async function readDocument(files: Effects["files"], path: string): Promise<JsonObject | undefined> {
  const text = await readTextIfThere(files, path);
  return text === undefined ? undefined : (await parseToml(text, path)).document;
}

async function includedPaths(
  files: Effects["files"],
  folder: string,
  main: JsonObject | undefined,
): Promise<readonly string[]> {
  const settings = main?.lab;
  const patterns = isJsonObject(settings) && Array.isArray(settings.include) ? settings.include : [];
  const wanted = patterns.filter((pattern) => typeof pattern === "string");
  return (await findIncludes(files, folder, LAB_FILE, wanted)).flatMap(({ paths }) => paths);
}
