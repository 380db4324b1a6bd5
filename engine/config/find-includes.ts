/** Finds the files that `lab.include` names: plain paths and globs with `*`, `?` and `**`. */
import { join } from "node:path";
import type { Files } from "../effects.ts";
import { labRelative, type PathProblem, staysInside } from "./lab-paths.ts";

export interface IncludeMatch {
  /** Index in lab.include. */
  readonly index: number;
  /** Lab-relative, sorted; without files that an earlier pattern took. */
  readonly paths: readonly string[];
  /** False when the pattern matches no file. */
  readonly matched: boolean;
  readonly problem?: PathProblem;
}

type IncludeFiles = Pick<Files, "list" | "stat" | "realPath">;

/** The files of each pattern, without `labFile` itself; a file named twice appears with its first pattern. */
export async function findIncludes(
  files: IncludeFiles,
  folder: string,
  labFile: string,
  patterns: readonly string[],
): Promise<IncludeMatch[]> {
  const seen = new Set([labFile]);
  const matches: IncludeMatch[] = [];
  for (const [index, pattern] of patterns.entries()) {
    const target = labRelative(labFile, pattern);
    if ("problem" in target) {
      matches.push({ index, paths: [], matched: false, problem: target.problem });
      continue;
    }
    const found = await expand(files, folder, "", target.path.split("/"));
    const inside: string[] = [];
    let linked = false;
    for (const path of [...new Set(found)].sort()) {
      if (!(await staysInside(files, folder, path))) linked = true;
      else inside.push(path);
    }
    const fresh = inside.filter((path) => !seen.has(path));
    for (const path of fresh) seen.add(path);
    matches.push({
      index,
      paths: fresh,
      matched: found.length > 0,
      ...(linked ? { problem: "linked-outside" as const } : {}),
    });
  }
  return matches;
}

async function expand(
  files: IncludeFiles,
  folder: string,
  base: string,
  parts: readonly string[],
): Promise<string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  const below = (name: string) => (base === "" ? name : `${base}/${name}`);
  if (part === "**") {
    const found = await expand(files, folder, base, rest);
    for (const name of await foldersIn(files, folder, base))
      found.push(...(await expand(files, folder, below(name), parts)));
    return found;
  }
  const isGlob = /[*?]/.test(part);
  const names = isGlob ? (await files.list(join(folder, base))).filter(matcher(part)) : [part];
  const found: string[] = [];
  for (const name of names) {
    const kind = (await files.stat(join(folder, below(name))))?.kind;
    if (rest.length === 0 && kind === "file") found.push(below(name));
    if (rest.length > 0 && kind === "folder") found.push(...(await expand(files, folder, below(name), rest)));
  }
  return found;
}

/** Folders that `**` walks into: neither hidden ones nor links, which could lead in circles. */
async function foldersIn(files: IncludeFiles, folder: string, base: string): Promise<string[]> {
  const folders: string[] = [];
  const real = await files.realPath(join(folder, base));
  for (const name of await files.list(join(folder, base))) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = join(folder, base, name);
    if ((await files.stat(path))?.kind !== "folder") continue;
    if (real !== undefined && (await files.realPath(path)) !== join(real, name)) continue;
    folders.push(name);
  }
  return folders;
}

/** Hidden files need a pattern that begins with a dot. */
function matcher(glob: string): (name: string) => boolean {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  const pattern = new RegExp(`^${source}$`);
  return (name) => (!name.startsWith(".") || glob.startsWith(".")) && pattern.test(name);
}
