/** What changed in the files that a plan's reasons name: line counts, and the changed lines themselves. */
import { join } from "node:path";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { PlanBasis } from "./make-plan.ts";
import type { Change, Reason } from "./types.ts";

/** Comparing takes quadratic time on texts that differ in everything. */
const MOST_BYTES = 256 * 1024;
const MOST_EDITS = 2_000;
const MOST_LINES = 400;

type FileReason = Extract<Reason, { kind: "file" }>;

/** The changes with what is known of the texts behind their reasons. A text that nobody kept is left as it is. */
export async function withTextChanges(basis: PlanBasis, changes: readonly Change[]): Promise<Change[]> {
  const known = new Map<string, Promise<Partial<FileReason>>>();
  const told = async (change: Change, reason: Reason): Promise<Reason> => {
    if (reason.kind !== "file") return reason;
    const before = hashIn(basis.state?.resources[change.address]?.inputs, reason.path);
    // Private before or from now on: nothing of it is shown.
    if (before === undefined || hashIn(change.after, reason.path) === undefined) return reason;
    const key = `${before} ${reason.path}`;
    const counted = known.get(key) ?? compare(basis, before, reason.path);
    known.set(key, counted);
    return { ...reason, ...(await counted) };
  };
  return await Promise.all(
    changes.map(async (change) =>
      change.reasons.some((reason) => reason.kind === "file")
        ? { ...change, reasons: await Promise.all(change.reasons.map((reason) => told(change, reason))) }
        : change,
    ),
  );
}

async function compare(basis: PlanBasis, sha256: string, path: string): Promise<Partial<FileReason>> {
  const { workspace } = basis;
  const before = await workspace.store.readText(sha256);
  const file = join(workspace.folder, path);
  const size = (await workspace.effects.files.stat(file))?.size ?? 0;
  if (before === undefined || size > MOST_BYTES) return {};
  const after = await workspace.effects.files.readText(file);
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch(path, path, before, after, "", "", { context: 3, maxEditLength: MOST_EDITS });
  if (patch === undefined) return {};
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ]);
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return { added: count("+"), removed: count("-"), diff: lines.slice(0, MOST_LINES) };
}

/** Digest of a file's content as a resource's inputs name it. */
function hashIn(inputs: JsonObject | undefined, path: string): string | undefined {
  for (const { path: named, sha256 } of fileHashesOf(inputs)) if (named === path) return sha256;
  return undefined;
}

/** The files that a resource's steps, or its build's, were made from, and whose text may be shown. */
export function fileHashesOf(inputs: JsonObject | undefined): { path: string; sha256: string }[] {
  const build = isJsonObject(inputs?.build) ? inputs.build : {};
  const steps: Json[] = [inputs?.steps, build.steps].flatMap((list) => (Array.isArray(list) ? list : []));
  const named = [...steps, ...[build.packer, inputs?.cloud_init].filter(isJsonObject)];
  return named.flatMap((step) => {
    if (!isJsonObject(step) || isPrivate(step)) return [];
    const path = step.path ?? step.from;
    return typeof path === "string" && typeof step.sha256 === "string" ? [{ path, sha256: step.sha256 }] : [];
  });
}

/** What not everybody in the guest may read, such as a key, is neither kept nor shown in plans. */
function isPrivate({ mode }: JsonObject): boolean {
  return typeof mode === "string" && (Number.parseInt(mode, 8) & 0o004) === 0;
}
