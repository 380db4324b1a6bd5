/** Looks for secret values where none may be. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";

/** Secret values by what they are called. */
export type Secrets = Readonly<Record<string, string>>;

/** The names of those that a text or the bytes of a file hold. */
export function heldIn(content: string | Buffer, secrets: Secrets): string[] {
  return Object.entries(secrets).flatMap(([name, value]) => (content.includes(value) ? [name] : []));
}

/** A key as the values that would give it away: each of its lines but the short last one. */
export function keyLines(name: string, pem: string): Secrets {
  const lines = pem.split("\n").filter((line) => line.length >= 32 && !line.startsWith("-----"));
  return Object.fromEntries(lines.map((line, index) => [`${name}, line ${index + 1}`, line]));
}

/** `PATH: NAME` of every file below `root` that holds a secret, and of those that others may read. */
export async function hunt(
  root: string,
  secrets: Secrets,
  allowed: (path: string) => boolean,
): Promise<{
  readonly leaks: readonly string[];
  readonly searched: number;
  readonly open: readonly string[];
}> {
  const leaks: string[] = [];
  const open: string[] = [];
  let searched = 0;
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = relative(root, file);
    const held = heldIn(await readFile(file), secrets);
    searched += 1;
    if (allowed(path)) {
      if (held.length > 0 && ((await stat(file)).mode & 0o077) !== 0) open.push(path);
    } else leaks.push(...held.map((name) => `${path}: ${name}`));
  }
  return { leaks, searched, open };
}
