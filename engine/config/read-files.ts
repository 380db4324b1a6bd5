/** Reads the files that expressions name with `file("…")`, so that evaluating them needs no disk. */
import { join } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { isJsonObject, type Json, type JsonObject, sha256 } from "../json.ts";
import { cel } from "./expressions/cel.ts";
import { type FileText, filesNamed } from "./expressions/file-function.ts";
import { mayHoldExpression, parseTemplate } from "./expressions/template.ts";
import { explainPathProblem, labRelative, staysInside } from "./lab-paths.ts";
import type { SourceFile } from "./types.ts";

const MOST_BYTES = 1024 * 1024;

export interface FilesRead {
  readonly texts: ReadonlyMap<string, FileText>;
  /** Lab-relative, each once. */
  readonly sources: readonly SourceFile[];
}

/** Needs {@link loadCel} when the document holds an expression. */
export async function readFiles(
  files: Effects["files"],
  folder: string,
  document: JsonObject,
): Promise<FilesRead> {
  const texts = new Map<string, FileText>();
  const sources = new Map<string, SourceFile>();
  const paths = new Set<string>();
  collectPaths(document, false, paths);
  for (const path of paths) {
    const { text, source } = await readOne(files, folder, path);
    texts.set(path, text);
    if (source !== undefined) sources.set(source.path, source);
  }
  return { texts, sources: [...sources.values()] };
}

async function readOne(
  files: Effects["files"],
  folder: string,
  path: string,
): Promise<{ text: FileText; source?: SourceFile }> {
  const wrong = (why: string) => ({ text: { wrong: why } });
  const target = labRelative("lab.toml", path);
  if ("problem" in target) return wrong(`${path} is outside of the lab's folder`);
  const full = join(folder, target.path);
  try {
    const stat = await files.stat(full);
    if (stat === undefined) return wrong(`there is no file ${path} in the lab's folder`);
    if (!(await staysInside(files, folder, target.path)))
      return wrong(explainPathProblem("linked-outside").detail);
    if (stat.kind !== "file") return wrong(`${path} is not a file`);
    if (stat.size > MOST_BYTES) return wrong(`${path} is bigger than 1 MiB`);
    const bytes = await files.read(full);
    const text = bytes.toString("utf8");
    if (!Buffer.from(text, "utf8").equals(bytes)) return wrong(`${path} is not UTF-8 text`);
    return { text: { text }, source: { path: target.path, sha256: sha256(bytes) } };
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return wrong(`${path} cannot be read (${systemErrorCode(error)})`);
  }
}

/** Adds the paths in every expression of a document; those of checks are bare. A walk without lists: labs are big. */
function collectPaths(value: Json, bare: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (value.includes("file")) for (const path of pathsOf(value, bare)) found.add(path);
  } else if (Array.isArray(value)) {
    for (const inner of value) collectPaths(inner, false, found);
  } else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) collectPaths(value[key] ?? null, key === "assert", found);
  }
}

function pathsOf(text: string, bare: boolean): string[] {
  if (bare) return named(text);
  if (!mayHoldExpression(text)) return [];
  const template = parseTemplate(text);
  if ("problem" in template) return [];
  return template.parts.flatMap((part) => (part.kind === "expression" ? named(part.text) : []));
}

function named(expression: string): string[] {
  const parsed = cel().parse(expression);
  return "problem" in parsed ? [] : filesNamed(parsed.ast);
}
