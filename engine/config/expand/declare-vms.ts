/** From `[vms.X]` and `[environments.E.vms.X]` with count and for_each to concrete VMs with their final names. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import { definition } from "../schema.ts";
import type { Origin, Rolling, Scope } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import { instancesOf, type Multipliers } from "./instances.ts";
import { type Layer, mergeLayers } from "./layers.ts";

const NAME = new RegExp(definition("Name").pattern ?? "");
const LONGEST_NAME = definition("Name").maxLength ?? 40;

export interface DeclaredVms {
  readonly vms: ReadonlyMap<string, VmDeclaration>;
  /** Environment → names of its VMs. */
  readonly environments: ReadonlyMap<string, readonly string[]>;
  /** Environment → what `members` means inside. */
  readonly members: ReadonlyMap<string, NonNullable<Scope["members"]>>;
}

/** The tables of a lab, those of its modules among them. */
export interface DeclaredTables {
  readonly document: JsonObject;
  originOf(table: string, name: string): Origin;
  /** What tells expressions of a table that they stand in a module. */
  scopeOf(table: string, name: string): Pick<Scope, "module">;
}

export function declareVms(
  tables: DeclaredTables,
  multipliers: Multipliers,
  findings: Finding[],
): DeclaredVms {
  return new Declarer(tables, multipliers, findings).run();
}

class Declarer {
  readonly #vms = new Map<string, VmDeclaration>();
  readonly #environments = new Map<string, readonly string[]>();
  readonly #templates: JsonObject;
  readonly #members = new Map<string, NonNullable<Scope["members"]>>();
  readonly #tables: DeclaredTables;
  readonly #multipliers: Multipliers;
  readonly #findings: Finding[];
  readonly #templateLayers = new Map<string, readonly Layer[]>();

  constructor(tables: DeclaredTables, multipliers: Multipliers, findings: Finding[]) {
    this.#tables = tables;
    this.#multipliers = multipliers;
    this.#findings = findings;
    this.#templates = table(tables.document.templates);
  }

  run(): DeclaredVms {
    for (const name of Object.keys(this.#templates)) {
      const origin = this.#tables.originOf("templates", name);
      this.#refuseMultipliers(table(this.#templates[name]), origin, "a template");
      this.#layersOfTemplate(name, []);
    }
    for (const [name, value] of Object.entries(table(this.#tables.document.vms))) {
      const origin = this.#tables.originOf("vms", name);
      this.#declare(name, name, table(value), origin, []);
    }
    for (const [name, value] of Object.entries(table(this.#tables.document.environments)))
      this.#declareEnvironment(name, table(value));
    return { vms: this.#vms, environments: this.#environments, members: this.#members };
  }

  #declareEnvironment(name: string, environment: JsonObject): void {
    const origin = this.#tables.originOf("environments", name);
    const below: Layer[] = [];
    if (environment.defaults !== undefined) {
      const place = { ...origin, path: [...origin.path, "defaults"] };
      this.#refuseMultipliers(table(environment.defaults), place, "an environment's defaults");
      below.push({ table: table(environment.defaults), origin: place });
    }
    const within = this.#tables.scopeOf("environments", name);
    const rolling = this.#rolling(`environment.${name}`, environment.strategy, origin, within);
    if (environment.env !== undefined) below.push({ table: { env: environment.env }, origin });
    const members: Record<string, string | readonly string[]> = {};
    const all: string[] = [];
    for (const [member, value] of Object.entries(table(environment.vms))) {
      const place = { ...origin, path: [...origin.path, "vms", member] };
      const made = this.#declare(`${name}-${member}`, member, table(value), place, below, {
        environment: name,
        scope: { ...within, members },
        rolling,
      });
      const isMany = table(value).count !== undefined || table(value).for_each !== undefined;
      const single = made[0];
      if (isMany) members[member] = made;
      else if (single !== undefined) members[member] = single;
      all.push(...made);
    }
    this.#environments.set(name, all);
    this.#members.set(name, members);
  }

  /** Declares the VMs of one table; answers with their names. */
  #declare(
    base: string,
    member: string,
    settings: JsonObject,
    origin: Origin,
    below: readonly Layer[],
    environment?: {
      readonly environment: string;
      readonly scope: Pick<Scope, "module" | "members">;
      readonly rolling: Rolling | undefined;
    },
  ): string[] {
    const own = { table: settings, origin };
    const template =
      settings.template ?? below.find((layer) => layer.table.template !== undefined)?.table.template;
    const templateLayers = typeof template === "string" ? this.#useTemplate(template, [...below, own]) : [];
    const layers = [...templateLayers, ...below, own];
    const merged = mergeLayers(layers);
    const { module } = environment?.scope ?? {};
    const outside = module === undefined ? {} : { module };
    const instances = instancesOf(settings, origin, outside, {
      multipliers: this.#multipliers,
      findings: this.#findings,
    });
    const many = settings.count !== undefined || settings.for_each !== undefined;
    if (settings.strategy !== undefined && !many) this.#findings.push(strategyOfOne(origin));
    const rolling =
      (many ? this.#rolling(`vm.${base}`, merged.strategy, origin, outside) : undefined) ??
      environment?.rolling;
    const names: string[] = [];
    for (const { suffix, key, scope } of instances) {
      const name = base + suffix;
      const first = this.#vms.get(name);
      if (first !== undefined) {
        this.#findings.push(clash(name, origin, first.origin));
        continue;
      }
      if (!this.#checkName(name, origin)) continue;
      names.push(name);
      const isMember = environment !== undefined || key !== undefined;
      this.#vms.set(name, {
        name,
        layers,
        settings: merged,
        origin,
        scope: { self: name, ...environment?.scope, ...scope },
        ...(rolling === undefined ? {} : { rolling }),
        ...(isMember
          ? {
              member: {
                ...(environment === undefined ? {} : { environment: environment.environment }),
                member,
                ...(key === undefined ? {} : { key }),
              },
            }
          : {}),
      });
    }
    return names;
  }

  #rolling(group: string, strategy: Json | undefined, origin: Origin, scope: Scope): Rolling | undefined {
    const raw = table(strategy).max_unavailable;
    if (raw === undefined) return undefined;
    const place = { ...origin, path: [...origin.path, "strategy", "max_unavailable"] };
    const maxUnavailable = this.#multipliers.count(raw, place, scope);
    if (maxUnavailable === undefined) return undefined;
    if (maxUnavailable >= 1) return { group, maxUnavailable };
    this.#findings.push({
      code: "config/out-of-range",
      summary: "max_unavailable cannot be 0",
      detail: "Nothing could ever be replaced or restarted.",
      origin: place,
    });
    return undefined;
  }

  #checkName(name: string, origin: Origin): boolean {
    if (name.length > LONGEST_NAME) {
      this.#findings.push({
        code: "config/name-too-long",
        summary: `The name "${name}" has ${name.length} characters`,
        detail: `It is the VM's hostname and address: ${LONGEST_NAME} characters at most.`,
        origin,
        spot: { part: "key" },
        hint: "Shorten the name of the environment, the member or the key.",
      });
      return false;
    }
    if (!NAME.test(name)) {
      this.#findings.push({
        code: "config/bad-name",
        summary: `"${name}" cannot be the name of a VM`,
        detail: "A name is lower-case letters, digits and inner hyphens, beginning with a letter.",
        origin: { ...origin, path: [...origin.path, "for_each"] },
        hint: "for_each takes keys that can stand at the end of such a name.",
      });
      return false;
    }
    return true;
  }

  #useTemplate(name: string, users: readonly Layer[]): readonly Layer[] {
    if (this.#templates[name] !== undefined) return this.#layersOfTemplate(name, []);
    const user = users.findLast((layer) => layer.table.template === name);
    this.#findings.push(unknownTemplate(name, user?.origin, Object.keys(this.#templates)));
    return [];
  }

  /** A template's layers, with those of the template it names below. */
  #layersOfTemplate(name: string, users: readonly string[]): readonly Layer[] {
    const known = this.#templateLayers.get(name);
    if (known !== undefined) return known;
    const settings = table(this.#templates[name]);
    const origin = this.#tables.originOf("templates", name);
    const layers: Layer[] = [{ table: settings, origin }];
    const parent = settings.template;
    if (typeof parent === "string") {
      const chain = [...users, name];
      if (chain.includes(parent)) {
        this.#findings.push({
          code: "config/template-cycle",
          summary: `Templates take settings from each other: ${[...chain.slice(chain.indexOf(parent)), parent].join(" → ")}`,
          origin: { ...origin, path: [...origin.path, "template"] },
          hint: "Take one of the template settings out.",
        });
      } else if (this.#templates[parent] === undefined) {
        this.#findings.push(unknownTemplate(parent, origin, Object.keys(this.#templates)));
      } else layers.unshift(...this.#layersOfTemplate(parent, chain));
    }
    this.#templateLayers.set(name, layers);
    return layers;
  }

  #refuseMultipliers(settings: JsonObject, origin: Origin, where: string): void {
    for (const key of ["count", "for_each"]) {
      if (settings[key] === undefined) continue;
      this.#findings.push({
        code: "config/not-allowed-here",
        summary: `${key} is not allowed in ${where}`,
        origin: { ...origin, path: [...origin.path, key] },
        spot: { part: "key" },
        hint: `Write ${key} in the VM's own table.`,
      });
    }
  }
}

function table(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function strategyOfOne(origin: Origin): Finding {
  return {
    code: "config/not-allowed-here",
    summary: "strategy is for several VMs",
    origin: { ...origin, path: [...origin.path, "strategy"] },
    spot: { part: "key" },
    hint: "Add count or for_each, or write it in the environment's table.",
  };
}

function unknownTemplate(name: string, origin: Origin | undefined, names: readonly string[]): Finding {
  const hint = nameHint(name, names, "templates");
  return {
    code: "config/unknown-reference",
    summary: `There is no template "${name}"`,
    ...(origin === undefined ? {} : { origin: { ...origin, path: [...origin.path, "template"] } }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function clash(name: string, origin: Origin, first: Origin): Finding {
  return {
    code: "config/name-clash",
    summary: `Two declarations make a VM named "${name}"`,
    origin,
    spot: { part: "key" },
    related: [{ message: "the other one", origin: first, spot: { part: "key" } }],
    address: `vm.${name}`,
    hint: "Rename one of them: a VM's name is its hostname and its address.",
  };
}
