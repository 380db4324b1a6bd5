/** The bytes that a recipe's steps name: what was planned is what is carried out. */
import { assetPath } from "../../engine/asset-path.ts";
import type { ProvisionStep } from "../../engine/config/types.ts";
import type { Effects } from "../../engine/effects.ts";
import { readUnchanged } from "../../engine/unchanged-file.ts";
import { known, type StepContent } from "./build-scripts.ts";

export interface RecipeFiles {
  /** Of the resource, for messages. */
  readonly address: string;
  /** Absolute path of the lab. */
  readonly folder: string;
}

/** Reads what the steps name; a file that changed since the plan was made is refused. */
export async function readStepContents(
  effects: Pick<Effects, "files">,
  steps: readonly ProvisionStep[],
  from: RecipeFiles,
): Promise<readonly StepContent[]> {
  const contents: StepContent[] = [];
  for (const step of steps) {
    const content = await contentOf(effects, step, from);
    contents.push({ step, ...(content === undefined ? {} : { content }) });
  }
  return contents;
}

async function contentOf(
  effects: Pick<Effects, "files">,
  step: ProvisionStep,
  from: RecipeFiles,
): Promise<Buffer | undefined> {
  switch (step.kind) {
    case "packages":
      return undefined;
    case "run":
      return Buffer.from(known(step.command));
    case "catalogue-script":
      return effects.files.read(assetPath(`roles/${step.role}/${step.script}`));
    case "script":
      return readUnchanged(effects, { ...from, path: step.path, sha256: step.sha256 });
    case "file":
      return step.from === undefined
        ? Buffer.from(known(step.content ?? ""))
        : readUnchanged(effects, { ...from, path: step.from, sha256: step.sha256 });
  }
}
