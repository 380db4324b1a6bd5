/**
 * Files as they would be after an edit: planning sees the new text, the disk keeps the old one until the user has
 * agreed. Then each file is replaced at once, if nobody else changed it meanwhile.
 */
import { fail } from "../engine/diagnostics.ts";
import type { Effects } from "../engine/effects.ts";
import { sha256 } from "../engine/json.ts";

export interface FileEdit {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** `effects`, reading the edited texts in place of the files. */
export function withEdits(effects: Effects, edits: readonly FileEdit[]): Effects {
  const texts = new Map(edits.map(({ path, after }) => [path, after]));
  const files = new Proxy(effects.files, {
    get(target, key) {
      const real: unknown = Reflect.get(target, key);
      if (typeof real !== "function") return real;
      return (path: string, ...rest: unknown[]): unknown => {
        const text = texts.get(path);
        if (text !== undefined) {
          if (key === "readText") return Promise.resolve(text);
          if (key === "read") return Promise.resolve(Buffer.from(text));
          if (key === "sha256") return Promise.resolve(sha256(text));
        }
        return Reflect.apply(real, target, [path, ...rest]);
      };
    },
  });
  return { ...effects, files };
}

/** Puts the edits into place. A file that changed since it was read is left alone and refused. */
export async function writeEdits(effects: Effects, edits: readonly FileEdit[]): Promise<void> {
  for (const { path, before } of edits) {
    if ((await effects.files.readText(path)) === before) continue;
    fail({
      code: "config/changed-meanwhile",
      summary: `${path} was changed while vmlab was asking`,
      hint: "Nothing was written. Run the command again.",
    });
  }
  for (const { path, after } of edits) {
    const mode = (await effects.files.stat(path))?.mode;
    await effects.files.write(path, after, { mode: mode === undefined ? 0o644 : mode & 0o777 });
  }
}
