/** A lab whose files lie in memory, for tests of the configuration. */
import { posix } from "node:path";
import { type ExpandInput, expandLab } from "../../../engine/config/expand.ts";
import { type LoadedLab, type LoadOptions, loadLab } from "../../../engine/config/load.ts";
import type { Expansion, Lab } from "../../../engine/config/types.ts";
import type { Diagnostic } from "../../../engine/diagnostics.ts";
import type { Effects, FileStat, Files } from "../../../engine/effects.ts";
import { sha256 } from "../../../engine/json.ts";

export const FOLDER = "/lab";

/** Two lines that make a lab in which a VM needs nothing but its name. */
export const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

/** Files by lab-relative path; a value `-> PATH` is a symbolic link. */
export function memoryEffects(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Pick<Effects, "files" | "host"> {
  const all = new Map(Object.entries(files).map(([path, text]) => [posix.resolve(FOLDER, path), text]));
  const real = (path: string): string => {
    const clean = posix.normalize(path);
    for (const [link, text] of all) {
      if (!text.startsWith("-> ")) continue;
      if (clean === link || clean.startsWith(`${link}/`))
        return real(posix.resolve(posix.dirname(link), text.slice(3)) + clean.slice(link.length));
    }
    return clean;
  };
  const kindOf = (path: string): FileStat["kind"] | undefined => {
    const at = real(path);
    if (all.has(at)) return "file";
    return [...all.keys()].some((key) => key.startsWith(`${at}/`)) || at === FOLDER ? "folder" : undefined;
  };
  const text = (path: string): string => {
    const found = all.get(real(path));
    if (found === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return found;
  };
  const port: Partial<Files> = {
    readText: async (path) => text(path),
    read: async (path) => Buffer.from(text(path)),
    sha256: async (path) => sha256(text(path)),
    realPath: async (path) => (kindOf(path) === undefined ? undefined : real(path)),
    stat: async (path) => {
      const kind = kindOf(path);
      return kind === undefined
        ? undefined
        : { kind, size: 0, allocated: 0, mtimeMs: 0, inode: 0, mode: 0o600 };
    },
    list: async (path) => {
      const base = `${real(path)}/`;
      return [
        ...new Set(
          [...all.keys()]
            .filter((key) => key.startsWith(base))
            .map((key) => key.slice(base.length).split("/")[0] ?? ""),
        ),
      ].sort();
    },
  };
  return { files: port as Files, host: { env } as unknown as Effects["host"] };
}

export async function load(
  files: string | Readonly<Record<string, string>>,
  variables: LoadOptions["variables"] = {},
  env: Readonly<Record<string, string>> = {},
): Promise<LoadedLab> {
  const all = typeof files === "string" ? { "lab.toml": files } : files;
  return await loadLab(memoryEffects(all, env), { file: `${FOLDER}/lab.toml`, variables, tool: "0.1.0" });
}

/** The lab; fails the test when there is none. */
export async function loadValid(...parameters: Parameters<typeof load>): Promise<Lab> {
  const { lab, diagnostics } = await load(...parameters);
  if (lab === undefined) throw new Error(show(diagnostics));
  return lab;
}

export async function expand(files: Parameters<typeof load>[0], input?: ExpandInput): Promise<Expansion> {
  return expandLab(await loadValid(files), input);
}

/** Everything that is wrong with a lab, as text: what a reader would see. */
export async function problems(
  files: Parameters<typeof load>[0],
  ...rest: [variables?: LoadOptions["variables"], env?: Record<string, string>]
): Promise<string> {
  const { lab, diagnostics } = await load(files, ...rest);
  return show(lab === undefined ? diagnostics : [...diagnostics, ...expandLab(lab).diagnostics]);
}

/** `file:line:column-column code: summary` and below it detail, related places and hint. */
export function show(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map(({ code, severity, summary, detail, range, related, hint }) => {
      const end =
        range === undefined
          ? ""
          : range.end.line === range.start.line
            ? `${range.end.column}`
            : `${range.end.line}:${range.end.column}`;
      const place =
        range === undefined ? "" : `${range.file}:${range.start.line}:${range.start.column}-${end} `;
      return [
        `${place}${severity === "warning" ? "warning " : ""}${code}: ${summary}`,
        ...(detail === undefined ? [] : [`  ${detail.replaceAll("\n", "\n  ")}`]),
        ...(related ?? []).map(
          (one) => `  ${one.range.file}:${one.range.start.line}:${one.range.start.column} ${one.message}`,
        ),
        ...(hint === undefined ? [] : [`  → ${hint}`]),
      ].join("\n");
    })
    .join("\n");
}
