/** The bytes that a recipe's steps name: what was planned is what is carried out. */
import { join } from "node:path";
import { assetPath } from "../../engine/asset-path.ts";
import type { ProvisionStep } from "../../engine/config/types.ts";
import { fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { sha256 } from "../../engine/json.ts";
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
      return readUnchanged(effects, step.path, step.sha256, from);
    case "file":
      return step.from === undefined
        ? Buffer.from(known(step.content ?? ""))
        : readUnchanged(effects, step.from, step.sha256, from);
  }
}

/** A file of the lab with the hash that was planned. */
export async function readUnchanged(
  effects: Pick<Effects, "files">,
  path: string,
  planned: string | undefined,
  { address, folder }: RecipeFiles,
): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await effects.files.read(join(folder, path));
  } catch (error) {
    return fail(
      {
        code: "apply/file-unreadable",
        address,
        summary: `${path} cannot be read (${systemErrorCode(error) ?? "unknown error"})`,
        hint: "Put the file back, or plan again.",
      },
      error,
    );
  }
  if (planned === undefined || sha256(bytes) === planned) return bytes;
  return fail({
    code: "apply/file-changed",
    address,
    summary: `${path} changed since the plan was made`,
    detail: "What would be carried out is not what was shown.",
    hint: "Plan again and apply that.",
  });
}
