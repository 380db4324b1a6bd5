/** Reads the modules that environments have as their source. */
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { explainPathProblem } from "../lab-paths.ts";
import type { ModuleFile, Origin } from "../types.ts";
import { type FoundModule, findModule, MODULE_FILE, type ModuleSearch } from "./find-module.ts";
import { ENVIRONMENT_TABLES } from "./module-tables.ts";

export interface ModuleReader extends ModuleSearch {
  readonly originOf: (environment: string) => Origin;
  /** Reads and parses a file by its lab-relative path; undefined when it has an error, which is reported. */
  parse(path: string): Promise<JsonObject | undefined>;
}

export interface LoadedModules {
  /** By the name of the environment. */
  readonly modules: ReadonlyMap<string, ModuleFile>;
  readonly findings: readonly Finding[];
}

/** What goes with a module only. */
const WITH_SOURCE = ["inputs", "count", "for_each"];

export async function loadModules(document: JsonObject, reader: ModuleReader): Promise<LoadedModules> {
  const modules = new Map<string, ModuleFile>();
  const findings: Finding[] = [];
  /** By file: each is read and checked once. */
  const read = new Map<string, JsonObject | undefined>();
  const environments = isJsonObject(document.environments) ? document.environments : {};
  for (const [name, environment] of Object.entries(environments)) {
    if (!isJsonObject(environment)) continue;
    const origin = reader.originOf(name);
    findings.push(...misplacedSettings(name, environment, origin));
    if (typeof environment.source !== "string") continue;
    const at = { ...origin, path: [...origin.path, "source"] };
    const found = await findModule(environment.source, origin.file, reader);
    if ("problem" in found) {
      findings.push(sourceFinding(environment.source, found, at));
      continue;
    }
    const { file } = found;
    if (!read.has(file)) {
      const parsed = await reader.parse(file);
      read.set(file, parsed);
      const usedBy = { environment: name, origin };
      const { validateModule } = await import("./validate-module.ts");
      for (const { path, part, ...rest } of parsed === undefined ? [] : validateModule(parsed))
        findings.push({ ...rest, origin: { file, path, usedBy }, spot: { part } });
    }
    const module = read.get(file);
    if (module !== undefined) modules.set(name, { file, document: module });
  }
  return { modules, findings };
}

function sourceFinding(
  text: string,
  missing: Exclude<FoundModule, { file: string }>,
  origin: Origin,
): Finding {
  switch (missing.problem) {
    case "expression":
      return {
        code: "config/expression-not-allowed",
        summary: "The source of an environment holds an expression",
        detail: "Modules are read before anything is evaluated.",
        origin,
        hint: "Write the path itself.",
      };
    case "nothing":
      return {
        code: "config/no-module",
        summary: `There is no module at ${text}`,
        detail: `vmlab looked for ${missing.sought}.`,
        origin,
        hint: `A source names a folder with a ${MODULE_FILE}, or a TOML file, relative to the file that uses it.`,
      };
    default:
      return {
        code: "config/path-outside",
        summary: `${text} is outside of the lab's folder`,
        origin,
        ...explainPathProblem(missing.problem),
      };
  }
}

function misplacedSettings(name: string, environment: JsonObject, origin: Origin): Finding[] {
  const hasSource = environment.source !== undefined;
  const misplaced = (hasSource ? ENVIRONMENT_TABLES : WITH_SOURCE).filter(
    (key) => environment[key] !== undefined,
  );
  const findings = misplaced.map(
    (key): Finding => ({
      code: "config/not-allowed-here",
      summary: hasSource
        ? `environments.${name} has a module: ${key} belongs into the module`
        : `${key} is not allowed in an environment without a source`,
      origin: { ...origin, path: [...origin.path, key] },
      spot: { part: "key" },
      hint: hasSource
        ? "What differs from one use to another is an input of the module."
        : "Put the members into a module, and name it with source.",
    }),
  );
  if (hasSource || environment.vms !== undefined) return findings;
  return [
    ...findings,
    {
      code: "config/missing-key",
      summary: `environments.${name} lacks vms`,
      detail: "An environment has its members, or a module that declares them.",
      origin,
      spot: { part: "key" },
      hint: `Add: [environments.${name}.vms.NAME], or source = "PATH"`,
    },
  ];
}
