/**
 * Puts modules into the lab: what a module declares becomes tables of the lab under names of its own, so that everything
 * after this works on one document, whoever declared what.
 */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { celName, EMPTY_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import { ENVIRONMENT_TABLES, SHARED_TABLES } from "../modules/module-tables.ts";
import { definition, moduleSchema, resolved, type SchemaNode } from "../schema.ts";
import type { Lab, ModuleFile, Origin, Scope } from "../types.ts";
import { instancesOf, type Multipliers } from "./instances.ts";
import { inputProblems } from "./module-inputs.ts";
import { OwnNames } from "./own-names.ts";

/** A module in use: one for each environment that it makes. */
export interface ModuleUse {
  /** The environment, which is what the names of everything in it begin with: `student-ann`. */
  readonly name: string;
  readonly module: ModuleFile;
  /** Where the lab uses it. */
  readonly origin: Origin;
  /** What the expressions of the inputs see beside the lab. */
  readonly scope: Scope;
  /** As given; expressions not yet evaluated. */
  readonly inputs: JsonObject;
  /** Table → name in the module → name in the lab. */
  readonly own: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** A lab with its modules in place. */
export interface ComposedLab {
  readonly document: JsonObject;
  originOf(table: string, name: string): Origin;
  scopeOf(table: string, name: string): Pick<Scope, "module">;
  /** By the name of the environment. */
  readonly uses: ReadonlyMap<string, ModuleUse>;
  /** Names of the environments that count or for_each make of one. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

export interface Surroundings {
  readonly originOf: (table: string, name: string) => Origin;
  readonly multipliers: Multipliers;
  readonly findings: Finding[];
}

export function useModules(lab: Lab, around: Surroundings): ComposedLab {
  if (lab.modules.size > 0) return new Composer(lab, around).run();
  const none = new Map<string, never>();
  const { document } = lab;
  return { document, originOf: around.originOf, scopeOf: () => EMPTY_SCOPE, uses: none, groups: none };
}

class Composer {
  readonly #lab: Lab;
  readonly #around: Surroundings;
  readonly #tables: Record<string, Record<string, Json>> = {};
  /** Of what modules declare: `networks.student-ann-net` → where, and in which use. */
  readonly #declared = new Map<string, { readonly origin: Origin; readonly module: string }>();
  readonly #uses = new Map<string, ModuleUse>();
  readonly #groups = new Map<string, readonly string[]>();

  constructor(lab: Lab, around: Surroundings) {
    this.#lab = lab;
    this.#around = around;
  }

  run(): ComposedLab {
    const { document, modules } = this.#lab;
    for (const table of SHARED_TABLES) {
      if (isJsonObject(document[table])) this.#tables[table] = { ...document[table] };
    }
    for (const [name, environment] of Object.entries(tableOf(document.environments))) {
      const module = modules.get(name);
      const origin = this.#around.originOf("environments", name);
      if (module === undefined) this.#place("environments", name, environment, origin);
      else this.#use(name, tableOf(environment), module, origin);
    }
    for (const name of this.#groups.keys()) {
      if (this.#tables.environments?.[name] !== undefined)
        this.#clash("environments", name, this.#around.originOf("environments", name));
    }
    return {
      document: { ...document, ...this.#tables },
      originOf: (table, name) =>
        this.#declared.get(`${table}.${name}`)?.origin ?? this.#around.originOf(table, name),
      scopeOf: (table, name) => {
        const module = this.#declared.get(`${table}.${name}`)?.module;
        return module === undefined ? EMPTY_SCOPE : { module };
      },
      uses: this.#uses,
      groups: this.#groups,
    };
  }

  #use(name: string, environment: JsonObject, module: ModuleFile, origin: Origin): void {
    const inputs = tableOf(environment.inputs);
    this.#around.findings.push(...inputProblems(name, inputs, module, origin));
    const instances = instancesOf(environment, origin, EMPTY_SCOPE, this.#around);
    for (const { suffix, scope } of instances) {
      const own = new Map<string, Map<string, string>>();
      const use: ModuleUse = { name: name + suffix, module, origin, scope, inputs, own };
      if (!this.#place("environments", use.name, {}, origin)) continue;
      this.#uses.set(use.name, use);
      this.#declare(use, own);
    }
    if (environment.count !== undefined || environment.for_each !== undefined)
      this.#groups.set(
        name,
        instances.map(({ suffix }) => name + suffix),
      );
  }

  #declare(use: ModuleUse, own: Map<string, Map<string, string>>): void {
    const { document, file } = use.module;
    const usedBy = { environment: use.name, origin: use.origin };
    for (const table of SHARED_TABLES) {
      const names = Object.keys(tableOf(document[table]));
      own.set(table, new Map(names.map((short) => [short, nameInLab(table, use.name, short)])));
    }
    const ownNames = new OwnNames(own, this.#lab.document, this.#around.findings);
    const part = (table: string): Json | undefined => {
      const value = document[table];
      const at = { file, path: [table], usedBy };
      return value === undefined ? undefined : ownNames.inside(value, tableNode(table), at);
    };
    for (const table of SHARED_TABLES) {
      for (const [short, entry] of Object.entries(tableOf(part(table)))) {
        const origin = { file, path: [table, short], usedBy };
        const name = own.get(table)?.get(short) ?? short;
        if (this.#place(table, name, entry, origin))
          this.#declared.set(`${table}.${name}`, { origin, module: use.name });
      }
    }
    const environment: Record<string, Json> = {};
    for (const table of ENVIRONMENT_TABLES) {
      const value = part(table);
      if (value !== undefined) environment[table] = value;
    }
    const environments = this.#tables.environments ?? {};
    environments[use.name] = environment;
    const origin = { file, path: [], usedBy };
    this.#declared.set(`environments.${use.name}`, { origin, module: use.name });
  }

  /** Puts an entry into a table of the lab, when its name can be that and is free. */
  #place(table: string, name: string, entry: Json, origin: Origin): boolean {
    const noun = table.slice(0, -1);
    const entries = this.#tables[table] ?? {};
    this.#tables[table] = entries;
    // Templates are called by nobody but their module.
    const rule = table === "templates" ? {} : nameRule(table);
    if (rule.maxLength !== undefined && name.length > rule.maxLength) {
      this.#around.findings.push({
        code: "config/name-too-long",
        summary: `The name "${name}" has ${name.length} characters`,
        detail: `It is the ${noun}'s address: ${rule.maxLength} characters at most.`,
        origin,
        spot: { part: "key" },
        hint: "Shorten the name of the environment, the key, or the name in the module.",
      });
      return false;
    }
    if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(name)) {
      this.#around.findings.push({
        code: "config/bad-name",
        summary: `"${name}" cannot be the name of ${withArticle(noun)}`,
        detail: `A name is ${rule["x-expects"] ?? ""}.`,
        origin,
        spot: { part: "key" },
        hint: "for_each takes keys that can stand at the end of such a name.",
      });
      return false;
    }
    if (Object.hasOwn(entries, name)) {
      this.#clash(table, name, origin);
      return false;
    }
    entries[name] = entry;
    return true;
  }

  #clash(table: string, name: string, origin: Origin): void {
    const use = table === "environments" ? this.#uses.get(name)?.origin : undefined;
    const first = use ?? this.#declared.get(`${table}.${name}`)?.origin ?? this.#around.originOf(table, name);
    this.#around.findings.push({
      code: "config/name-clash",
      summary: `Two declarations make ${withArticle(table.slice(0, -1))} named "${name}"`,
      origin,
      spot: { part: "key" },
      related: [{ message: "the other one", origin: first, spot: { part: "key" } }],
      hint: "Rename one of them: what a module declares is named after the environment that uses it.",
    });
  }
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function nameInLab(table: string, environment: string, short: string): string {
  // Nothing that a person writes has a slash: templates of the lab and of modules never meet.
  if (table === "templates") return `${environment}/${short}`;
  return nameRule(table) === definition("ValueName")
    ? `${celName(environment)}_${short}`
    : `${environment}-${short}`;
}

function nameRule(table: string): SchemaNode {
  const { propertyNames } = table === "environments" ? {} : tableNode(table);
  return definition(propertyNames?.$ref?.split("/").at(-1) ?? "Name");
}

function tableNode(table: string): SchemaNode {
  return resolved(moduleSchema.properties?.[table] ?? {});
}

function tableOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
