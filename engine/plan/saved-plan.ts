/** A plan in a file: written for a later apply, and refused when it no longer fits. */
import { join, resolve } from "node:path";
import { fail, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { canonicalJson, isJsonObject, sha256 } from "../json.ts";
import type { Workspace } from "../workspace.ts";
import { PLAN_FORMAT, type Plan } from "./types.ts";

/** The file: the plan and the SHA-256 of its canonical JSON. */
interface SavedPlan {
  readonly vmlab_plan: typeof PLAN_FORMAT;
  readonly sum: string;
  readonly plan: Plan;
}

/** Mode 0600: it holds no secret values, but it tells much about the lab. */
export async function writeSavedPlan(
  effects: Pick<Effects, "files">,
  path: string,
  plan: Plan,
): Promise<void> {
  const saved: SavedPlan = { vmlab_plan: PLAN_FORMAT, sum: sha256(canonicalJson(plan)), plan };
  await effects.files.write(path, `${JSON.stringify(saved)}\n`);
}

/** Fails when the file is no plan, was edited, or was made from something that has changed since. */
export async function readSavedPlan(workspace: Workspace, path: string): Promise<Plan> {
  const plan = await readPlanFile(workspace.effects, path);
  await refuseStale(workspace, plan, path);
  return plan;
}

/** Reads and verifies the file alone, without comparing it with the lab. */
export async function readPlanFile(effects: Pick<Effects, "files">, path: string): Promise<Plan> {
  let text: string;
  try {
    text = await effects.files.readText(path);
  } catch (error) {
    return fail(
      {
        code: "plan/unreadable",
        summary: `${path} cannot be read (${systemErrorCode(error) ?? "unknown error"})`,
        hint: "`vmlab plan -o FILE` writes a plan file.",
      },
      error,
    );
  }
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch {
    saved = undefined;
  }
  if (!isJsonObject(saved) || !("vmlab_plan" in saved) || !isJsonObject(saved.plan)) {
    return fail({
      code: "plan/not-a-plan",
      summary: `${path} is not a plan of vmlab`,
      hint: "`vmlab plan -o FILE` writes a plan file.",
    });
  }
  if (saved.vmlab_plan !== PLAN_FORMAT) {
    return fail({
      code: "plan/other-format",
      summary: `${path} has format ${String(saved.vmlab_plan)}, this vmlab reads ${PLAN_FORMAT}`,
      hint: "Plan again.",
    });
  }
  const plan = saved.plan as unknown as Plan;
  if (saved.sum !== sha256(canonicalJson(plan))) {
    return fail({
      code: "plan/edited",
      summary: `${path} was changed after vmlab wrote it`,
      detail: "Its checksum does not fit its content.",
      hint: "Plan again.",
    });
  }
  return plan;
}

async function refuseStale(workspace: Workspace, plan: Plan, path: string): Promise<void> {
  const stale = (why: string): never =>
    fail({
      code: "plan/stale",
      summary: `${path} does not fit any more: ${why}`,
      hint: "Plan again and apply that.",
    });
  if (plan.tool !== workspace.tool) stale(`it was made by vmlab ${plan.tool}, this is ${workspace.tool}`);
  for (const provider of [workspace.providers.vm, workspace.providers.image]) {
    const planned = plan.providers[provider.name];
    if (planned !== provider.version)
      stale(`provider ${provider.name} was version ${planned ?? "none"} and is ${provider.version}`);
  }
  for (const source of plan.sources) {
    const file = resolve(workspace.folder, source.path);
    const found =
      (await workspace.effects.files.stat(file)) === undefined
        ? undefined
        : await workspace.effects.files.sha256(file);
    if (found !== source.sha256) stale(`${source.path} ${found === undefined ? "is gone" : "changed"}`);
  }
  if (!plan.sources.some((source) => source.path === "vmlab.lock")) {
    if ((await workspace.effects.files.stat(join(workspace.folder, "vmlab.lock"))) !== undefined)
      stale("vmlab.lock was added");
  }
  // A file that is new, such as one that an include's glob finds now, is as good as a changed one.
  const known = new Set(plan.sources.map((source) => source.path));
  const added = workspace.lab.sources.find((source) => !known.has(source.path));
  if (added !== undefined) stale(`${added.path} was added`);
  const state = await workspace.store.read();
  const mismatch = basisMismatch(plan, state);
  if (mismatch !== undefined) stale(mismatch);
}

/** Why a plan does not belong to this state; undefined when it does. */
export function basisMismatch(
  plan: Plan,
  state: { readonly lineage: string; readonly serial: number; readonly journalSequence: number } | undefined,
): string | undefined {
  const first = plan.sensitiveKey !== undefined;
  if (state === undefined) return first ? undefined : "the state is gone";
  if (state.lineage !== plan.lineage) {
    return first ? "the lab has been applied since" : "the state belongs to another lab (lineage)";
  }
  if (state.serial !== plan.basis.serial || state.journalSequence !== plan.basis.journalSequence) {
    return `the state is now #${state.serial}, the plan was made from #${plan.basis.serial}`;
  }
  return undefined;
}
