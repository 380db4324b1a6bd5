/** Keeps the texts of the files that resources were made from, so that the next plan can show what changed in them. */
import { join } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";
import { sha256 } from "../json.ts";
import { fileHashesOf } from "../plan/text-changes.ts";
import type { LockedStore } from "../state/store.ts";
import type { Run } from "./run.ts";

/** Bytes; what is bigger is hardly a text that people compare. */
const BIGGEST = 256 * 1024;

export async function keepTexts(run: Run, locked: LockedStore): Promise<void> {
  if (run.plan.operations.length === 0) return;
  const { effects, folder } = run.workspace;
  const paths = new Map<string, string>();
  for (const { inputs } of run.keeper.resources()) {
    for (const file of fileHashesOf(inputs)) paths.set(file.sha256, file.path);
  }
  const texts = new Map<string, () => Promise<string | undefined>>();
  for (const [hash, path] of paths) {
    texts.set(hash, async () => {
      try {
        const file = join(folder, path);
        if (((await effects.files.stat(file))?.size ?? 0) > BIGGEST) return undefined;
        const bytes = await effects.files.read(file);
        // It may have changed since it was carried out: then its old text is gone.
        return sha256(bytes) === hash && !bytes.includes(0) ? bytes.toString("utf8") : undefined;
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        return undefined;
      }
    });
  }
  await locked.keepTexts(texts);
}
