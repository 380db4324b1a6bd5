/** Prints diagnostics to standard error, with the source lines they are about. */
import { isAbsolute, relative, resolve } from "node:path";
import type { Diagnostic, Range } from "../engine/diagnostics.ts";
import { type CommandContext, colours } from "./context.ts";
import { diagnosticRecord } from "./json-errors.ts";
import { type DiagnosticLayout, renderDiagnostics } from "./render/diagnostics.ts";

export async function showDiagnostics(
  diagnostics: readonly Diagnostic[],
  context: CommandContext,
): Promise<void> {
  if (diagnostics.length === 0) return;
  context.log.diagnostics(diagnostics);
  const { record } = context.terminal.error;
  if (record !== undefined) {
    for (const diagnostic of diagnostics) record(diagnosticRecord(diagnostic));
    return;
  }
  context.terminal.error.write(renderDiagnostics(diagnostics, await diagnosticLayout(diagnostics, context)));
}

/** How diagnostics look on standard error; the files that they name are read here. */
async function diagnosticLayout(
  diagnostics: readonly Diagnostic[],
  context: CommandContext,
): Promise<DiagnosticLayout> {
  const lines = await sourceLines(diagnostics, context);
  const { error, cwd } = context.terminal;
  return {
    palette: colours(error),
    width: error.isTTY ? error.columns : undefined,
    sourceLine: (range) => lines.get(range.file)?.[range.start.line - 1],
    displayPath: (file) => pathFrom(cwd, context.folder, file),
  };
}

/** The layout for diagnostics that name no source, such as an operation's failure. */
export function plainDiagnosticLayout(context: CommandContext): DiagnosticLayout {
  const { out } = context.terminal;
  return { palette: colours(out), width: out.isTTY ? out.columns : undefined, sourceLine: () => undefined };
}

async function sourceLines(
  diagnostics: readonly Diagnostic[],
  context: CommandContext,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const ranges: Range[] = diagnostics.flatMap(({ range, related }) => [
    ...(range === undefined ? [] : [range]),
    ...(related ?? []).map((place) => place.range),
  ]);
  const found = new Map<string, readonly string[]>();
  for (const file of new Set(ranges.map((range) => range.file))) {
    try {
      const text = await context.effects.files.readText(resolve(context.folder, file));
      found.set(file, text.replace(/^\uFEFF/, "").split(/\r?\n/));
    } catch {
      // Without its source line a diagnostic still says where and what.
    }
  }
  return found;
}

/** A lab-relative path as seen from where the user is, unless that climbs up. */
function pathFrom(cwd: string, folder: string, file: string): string {
  if (isAbsolute(file) || cwd === folder) return file;
  const path = relative(cwd, resolve(folder, file));
  return path.startsWith("..") ? resolve(folder, file) : path;
}
