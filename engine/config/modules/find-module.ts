/** Finds the module that an environment names with `source`: a folder with a module.toml, or a TOML file. */
import { join, posix } from "node:path";
import type { Files } from "../../effects.ts";
import { literalText } from "../expressions/template.ts";
import { labRelative, type PathProblem, staysInside } from "../lab-paths.ts";

/** What the file of a module is called where `source` names a folder. */
export const MODULE_FILE = "module.toml";

export interface ModuleSearch {
  readonly files: Pick<Files, "stat" | "realPath">;
  /** Absolute path of the lab. */
  readonly folder: string;
}

/** `file` is lab-relative. */
export type FoundModule =
  | { readonly file: string }
  | { readonly problem: PathProblem | "expression" }
  | { readonly problem: "nothing"; readonly sought: string };

/** `from` is the lab-relative path of the file that names the source. */
export async function findModule(
  source: string,
  from: string,
  { files, folder }: ModuleSearch,
): Promise<FoundModule> {
  const text = literalText(source);
  if (text === undefined) return { problem: "expression" };
  const target = labRelative(from, text);
  if ("problem" in target) return target;
  const file = target.path.endsWith(".toml") ? target.path : posix.join(target.path, MODULE_FILE);
  if (!(await staysInside(files, folder, file))) return { problem: "linked-outside" };
  const kind = (await files.stat(join(folder, file)))?.kind;
  return kind === "file" ? { file } : { problem: "nothing", sought: file };
}
