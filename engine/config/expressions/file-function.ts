/** `file("PATH")`: the text of a file in the lab's folder. Files are read before anything is evaluated. */
import type { ASTNode } from "@marcbachmann/cel-js";

/** A file's text, or why it cannot be had. */
export type FileText = { readonly text: string } | { readonly wrong: string };

/** By the path as it is written. */
export type FileTexts = ReadonlyMap<string, FileText>;

let texts: FileTexts = new Map();

/** Evaluates with these files to be read. Evaluation is synchronous and may be nested. */
export function withFiles<T>(files: FileTexts, evaluate: () => T): T {
  const outer = texts;
  texts = files;
  try {
    return evaluate();
  } finally {
    texts = outer;
  }
}

/** The function itself; throws an Error that says what is wrong. */
export function readingFile(path: string): string {
  const found = texts.get(path);
  if (found === undefined)
    throw new Error(
      'file() takes a path written out in lab.toml, such as file("motd.txt"), so that a plan knows its files',
    );
  if ("wrong" in found) throw new Error(found.wrong);
  return found.text;
}

/** The paths that an expression names. */
export function filesNamed(ast: ASTNode): string[] {
  const paths: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) for (const inner of node) walk(inner);
    if (typeof node !== "object" || node === null || !("op" in node)) return;
    const { op, args } = node as { op: string; args: unknown };
    if (op === "call" && Array.isArray(args) && args[0] === "file") {
      const [first] = args[1] as { op?: string; args?: unknown }[];
      if (first?.op === "value" && typeof first.args === "string") paths.push(first.args);
    }
    walk(args);
  };
  walk(ast);
  return paths;
}
