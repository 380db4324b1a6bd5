/** Paths that a lab names: they stay inside the lab's folder, also behind symbolic links. */
import { isAbsolute, join, posix, relative, sep } from "node:path";
import type { Files } from "../effects.ts";

export type PathProblem = "absolute" | "outside" | "linked-outside";

/** A path relative to the lab's folder, from one relative to `from` (a lab-relative file); or what is wrong with it. */
export function labRelative(from: string, path: string): { path: string } | { problem: PathProblem } {
  if (isAbsolute(path)) return { problem: "absolute" };
  const joined = posix.normalize(posix.join(posix.dirname(from), path));
  if (joined === ".." || joined.startsWith("../")) return { problem: "outside" };
  return { path: joined };
}

/** True when what lies at a lab-relative path is really inside the folder. Absent paths count as inside. */
export async function staysInside(
  files: Pick<Files, "realPath">,
  folder: string,
  path: string,
): Promise<boolean> {
  const [real, realFolder] = await Promise.all([files.realPath(join(folder, path)), files.realPath(folder)]);
  if (real === undefined || realFolder === undefined) return true;
  const between = relative(realFolder, real);
  return between !== ".." && !between.startsWith(`..${sep}`) && !isAbsolute(between);
}

export function explainPathProblem(problem: PathProblem): { detail: string; hint: string } {
  switch (problem) {
    case "absolute":
      return {
        detail: "Files of a lab are named relative to the file that declares them, so that the lab can move.",
        hint: "Put the file into the lab's folder and name it from there.",
      };
    case "outside":
      return { detail: "The path leaves the lab's folder.", hint: "Put the file into the lab's folder." };
    case "linked-outside":
      return {
        detail: "A symbolic link on this path leads out of the lab's folder.",
        hint: "Put the file itself into the lab's folder.",
      };
  }
}
