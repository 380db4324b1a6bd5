/** Reads a lab: lab.toml, its includes, its modules, the variables. All problems in one run. */

import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { type Diagnostic, problem, type Range } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import { loadCel } from "./expressions/cel.ts";
import { mayHoldExpression } from "./expressions/template.ts";
import { findIncludes } from "./find-includes.ts";
import { type Finding, toDiagnostics } from "./findings.ts";
import { labLimits } from "./lab-limits.ts";
import { explainPathProblem } from "./lab-paths.ts";
import { type MergedFiles, mergeFiles } from "./merge-files.ts";
import { loadModules } from "./modules/load-modules.ts";
import { readFiles } from "./read-files.ts";
import { parseToml, textSha256, withoutByteOrderMark } from "./toml/parse-toml.ts";
import { indexPositions, type Positions } from "./toml/positions.ts";
import { satisfiesVersion } from "./tool-version.ts";
import type { Lab, Origin, SourceFile, Spot } from "./types.ts";
import { type SchemaFinding, validateDocument } from "./validate.ts";
import { resolveVariables } from "./variables.ts";

export interface LoadOptions {
  /** Path of lab.toml. */
  readonly file: string;
  readonly variables?: {
    /** NAME=VALUE, from --var. */
    readonly assignments?: readonly string[];
    /** Paths of var files (TOML), in order. */
    readonly files?: readonly string[];
  };
  /** Version of this vmlab, for `lab.vmlab`; not checked when absent. */
  readonly tool?: string;
}

export interface LoadedLab {
  /** Absent when the diagnostics hold an error. */
  readonly lab?: Lab;
  /** What the files say, right or not: for plain data, such as `[alerts]`. Absent when lab.toml cannot be parsed. */
  readonly document?: JsonObject;
  readonly diagnostics: readonly Diagnostic[];
}

type LoadEffects = Pick<Effects, "files" | "host">;

export async function loadLab(effects: LoadEffects, options: LoadOptions): Promise<LoadedLab> {
  return await new Loader(effects, options).load();
}

class Loader {
  readonly #files: Effects["files"];
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #options: LoadOptions;
  readonly #folder: string;
  readonly #labFile: string;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #sources: SourceFile[] = [];
  /** Texts by the name they have in diagnostics. */
  readonly #texts = new Map<string, string>();
  readonly #positions = new Map<string, Positions>();

  constructor(effects: LoadEffects, options: LoadOptions) {
    const file = resolve(options.file);
    this.#files = effects.files;
    this.#env = effects.host.env;
    this.#options = options;
    this.#folder = dirname(file);
    this.#labFile = basename(file);
  }

  async load(): Promise<LoadedLab> {
    const text = await readTextIfThere(this.#files, join(this.#folder, this.#labFile));
    if (text === undefined) return { diagnostics: [noLabFile(this.#folder, this.#labFile)] };
    const main = await this.#parse(this.#labFile, text);
    const included = await this.#includes(main);
    const merged = mergeFiles([
      ...(main === undefined ? [] : [{ path: this.#labFile, document: main }]),
      ...included,
    ]);
    if (main === undefined) {
      this.#report(merged.findings);
      return { diagnostics: this.#diagnostics };
    }
    this.#checkVersion(merged.document);
    const findings = [
      ...merged.findings,
      ...validateDocument(merged.document).map((finding) => this.#placed(finding, merged)),
    ];
    const wrongTables = new Set(findings.map(({ origin }) => origin?.path[0]));
    const { modules, findings: wrongModules } = await this.#modules(merged);
    findings.push(...wrongModules);
    const bare = merged.document.checks !== undefined;
    if (modules.size > 0 || bare || holdsExpression(merged.document)) await loadCel();
    const variables = wrongTables.has("vars") ? { values: {}, findings: [] } : await this.#variables(merged);
    findings.push(...variables.findings);
    const limits = labLimits(merged.document, variables.values, (path) => ({
      file: merged.origins.get("limits")?.file ?? this.#labFile,
      path,
    }));
    if (!wrongTables.has("limits")) findings.push(...limits.findings);
    this.#report(findings);
    const { document } = merged;
    if (this.#diagnostics.some(({ severity }) => severity === "error"))
      return { document, diagnostics: this.#diagnostics };
    const files = await readFiles(this.#files, this.#folder, merged.document);
    const known = new Set(this.#sources.map(({ path }) => path));
    this.#sources.push(...files.sources.filter(({ path }) => !known.has(path)));
    const settings = merged.document.lab as JsonObject;
    const lab: Lab = {
      name: String(settings.name),
      folder: this.#folder,
      sources: this.#sources,
      provider: settings.provider === "fake" ? "fake" : "qemu",
      accel: (settings.accel as Lab["accel"] | undefined) ?? "auto",
      offline: settings.offline === true,
      limits: limits.limits,
      document: merged.document,
      files: files.texts,
      modules,
      variables: variables.values,
      origins: merged.origins,
      locate: this.#locate,
      sourceLine: this.#sourceLine,
    };
    return { lab, document, diagnostics: this.#diagnostics };
  }

  /** Parses and remembers a file; undefined when it has an error. */
  async #parse(name: string, text: string): Promise<JsonObject | undefined> {
    this.#sources.push({ path: name, sha256: textSha256(text) });
    this.#texts.set(name, withoutByteOrderMark(text));
    const { document, diagnostics } = await parseToml(text, name);
    this.#diagnostics.push(...diagnostics);
    return document;
  }

  async #includes(main: JsonObject | undefined): Promise<{ path: string; document: JsonObject }[]> {
    const settings = main?.lab;
    const patterns = isJsonObject(settings) && Array.isArray(settings.include) ? settings.include : [];
    // A wrong type is the schema's to report.
    if (!patterns.every((pattern: Json): pattern is string => typeof pattern === "string")) return [];
    const included = [];
    for (const { index, paths, matched, problem: trouble } of await findIncludes(
      this.#files,
      this.#folder,
      this.#labFile,
      patterns,
    )) {
      const origin = { file: this.#labFile, path: ["lab", "include", index] };
      const pattern = patterns[index] ?? "";
      if (trouble !== undefined) {
        this.#report([
          {
            code: "config/include-outside",
            summary: `${pattern} is outside of the lab's folder`,
            origin,
            ...explainPathProblem(trouble),
          },
        ]);
      } else if (!matched) {
        const isGlob = /[*?]/.test(pattern);
        this.#report([
          {
            code: "config/include-not-found",
            severity: isGlob ? "warning" : "error",
            summary: isGlob ? `No file matches ${pattern}` : `There is no file ${pattern}`,
            origin,
          },
        ]);
      }
      for (const path of paths) {
        const text = await readTextIfThere(this.#files, join(this.#folder, path));
        if (text === undefined) continue;
        const document = await this.#parse(path, text);
        if (document === undefined) continue;
        this.#refuseSettings(path, document);
        const { lab: _refused, ...others } = document;
        included.push({ path, document: others });
      }
    }
    return included;
  }

  /** Settings of the lab as a whole stand in lab.toml alone. */
  #refuseSettings(path: string, document: JsonObject): void {
    if (document.lab === undefined) return;
    this.#report([
      {
        code: "config/lab-in-include",
        summary: `[lab] belongs into ${this.#labFile}`,
        origin: { file: path, path: ["lab"] },
        spot: { part: "key" },
        hint: `${path} is included: it can hold any other table.`,
      },
    ]);
  }

  async #modules({ document, origins }: MergedFiles): ReturnType<typeof loadModules> {
    return await loadModules(document, {
      files: this.#files,
      folder: this.#folder,
      originOf: (name) =>
        origins.get(`environments.${name}`) ?? { file: this.#labFile, path: ["environments", name] },
      parse: async (path) => await this.#parse(path, await this.#files.readText(join(this.#folder, path))),
    });
  }

  async #variables(merged: MergedFiles): ReturnType<typeof resolveVariables> {
    const files = [];
    for (const path of this.#options.variables?.files ?? []) {
      const full = resolve(path);
      const name = this.#nameOf(full);
      const text = await readTextIfThere(this.#files, full);
      if (text === undefined) {
        this.#diagnostics.push(
          problem({
            code: "config/no-var-file",
            summary: `There is no file ${path}`,
            hint: "--var-file takes the path of a TOML file with NAME = VALUE lines.",
          }),
        );
        continue;
      }
      const document = await this.#parse(name, text);
      if (document !== undefined) files.push({ path: name, document });
    }
    const declarations = isJsonObject(merged.document.vars) ? merged.document.vars : {};
    const assignments = this.#options.variables?.assignments ?? [];
    return await resolveVariables(declarations, { assignments, env: this.#env, files }, (name) =>
      merged.origins.get(`vars.${name}`),
    );
  }

  #nameOf(path: string): string {
    const inside = relative(this.#folder, path);
    return inside === ".." || inside.startsWith(`..${sep}`) ? path : inside;
  }

  #checkVersion(document: JsonObject): void {
    const settings = isJsonObject(document.lab) ? document.lab : {};
    const { tool } = this.#options;
    if (tool === undefined || typeof settings.vmlab !== "string" || satisfiesVersion(tool, settings.vmlab))
      return;
    this.#report([
      {
        code: "config/other-version",
        summary: `This lab needs vmlab ${settings.vmlab}, and this is ${tool}`,
        origin: { file: this.#labFile, path: ["lab", "vmlab"] },
        hint: "Install a version that fits, or change lab.vmlab.",
      },
    ]);
  }

  #placed({ path, part, ...rest }: SchemaFinding, merged: MergedFiles): Finding {
    const [table, name] = path;
    const item = merged.origins.get(`${table}.${name}`);
    // An item of a list has its own number in its own file.
    if (item !== undefined)
      return { ...rest, origin: { file: item.file, path: [...item.path, ...path.slice(2)] }, spot: { part } };
    const { file } = merged.origins.get(String(table)) ?? { file: this.#labFile };
    return { ...rest, origin: { file, path }, spot: { part } };
  }

  #report(findings: readonly Finding[]): void {
    this.#diagnostics.push(...toDiagnostics(findings, this.#locate));
  }

  readonly #locate = (origin: Origin, spot?: Spot): Range | undefined => {
    const { file, path } = origin;
    let positions = this.#positions.get(file);
    if (positions === undefined) {
      const text = this.#texts.get(file);
      if (text === undefined) return undefined;
      try {
        positions = indexPositions(text, file);
      } catch {
        // The parser with positions is stricter in a few corners; a message without its place is better than none.
        return undefined;
      }
      this.#positions.set(file, positions);
    }
    return positions.find(path, spot) ?? startOf(file);
  };

  readonly #sourceLine = (range: Range): string | undefined =>
    this.#texts.get(range.file)?.split(/\r?\n/)[range.start.line - 1];
}

function startOf(file: string): Range {
  return { file, start: { line: 1, column: 1 }, end: { line: 1, column: 1 } };
}

function noLabFile(folder: string, name: string): Diagnostic {
  return problem({
    code: "config/no-lab-file",
    summary: `There is no ${name} in ${folder}`,
    hint: "vmlab init writes a starter lab.toml here.",
  });
}

/** Also true for bare expressions: checks of variables. */
function holdsExpression(value: Json): boolean {
  if (typeof value === "string") return mayHoldExpression(value);
  if (typeof value !== "object" || value === null) return false;
  for (const key in value) if (holdsExpression((value as JsonObject)[key] ?? null)) return true;
  return false;
}
