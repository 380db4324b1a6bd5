/** Files that steps refer to and whose content is not what was recorded. */
import equal from "fast-deep-equal";
import { isJsonObject, type Json } from "../json.ts";
import type { AttributeChange, Reason } from "./types.ts";

/** One reason for each such file, in the order of the steps. What is new or gone is said by the change itself. */
export function changedFiles(changes: readonly AttributeChange[]): Reason[] {
  const paths = new Set<string>();
  for (const change of changes) {
    if (change.path.at(-1) !== "steps" && change.path[0] !== "cloud_init") continue;
    const before = fileHashes(change.before);
    for (const [path, hash] of fileHashes(change.after)) {
      const old = before.get(path);
      if (old !== undefined && old !== hash) paths.add(path);
    }
  }
  return [...paths].map((path) => ({ kind: "file", path }));
}

/** True when the steps are the same but for what their files hold. */
export function onlyFiles({ before, after }: AttributeChange): boolean {
  return equal(withoutHashes(before), withoutHashes(after));
}

function withoutHashes(steps: Json | undefined): Json {
  if (!Array.isArray(steps)) return steps ?? null;
  return steps.map((step: Json) => (isJsonObject(step) ? { ...step, sha256: null } : step));
}

/** Lab-relative path → digest of the content, of steps or of one file. */
function fileHashes(named: Json | undefined): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const step of Array.isArray(named) ? named : [named]) {
    if (!isJsonObject(step)) continue;
    const path = step.path ?? step.from;
    if (typeof path === "string" && typeof step.sha256 === "string") hashes.set(path, step.sha256);
  }
  return hashes;
}
