/** The names that a module's settings call its own things by (a template, a network) → their names in the lab. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import { resolved, type SchemaNode } from "../schema.ts";
import type { Origin } from "../types.ts";

export class OwnNames {
  readonly #own: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #lab: JsonObject;
  readonly #findings: Finding[];

  /** `own`: table → name in the module → name in the lab. `lab` is for hints. */
  constructor(own: ReadonlyMap<string, ReadonlyMap<string, string>>, lab: JsonObject, findings: Finding[]) {
    this.#own = own;
    this.#lab = lab;
    this.#findings = findings;
  }

  /** A value with every name in it exchanged that the schema says is one (`x-names`); itself when it holds none. */
  inside(value: Json, node: SchemaNode, origin: Origin): Json {
    const { "x-names": table, items, properties, additionalProperties } = resolved(node);
    if (typeof value === "string") return table === undefined ? value : this.#named(value, table, origin);
    if (Array.isArray(value)) {
      if (items === undefined) return value;
      const list = value.map((item: Json, index) => this.inside(item, items, below(origin, index)));
      return list.some((item, index) => item !== value[index]) ? list : value;
    }
    if (!isJsonObject(value)) return value;
    let changed: Record<string, Json> | undefined;
    for (const [key, entry] of Object.entries(value)) {
      const inner = properties?.[key] ?? additionalProperties;
      if (typeof inner !== "object") continue;
      const exchanged = this.inside(entry, inner, below(origin, key));
      if (exchanged === entry) continue;
      changed ??= { ...value };
      changed[key] = exchanged;
    }
    return changed ?? value;
  }

  #named(name: string, table: string, origin: Origin): string {
    const names = this.#own.get(table);
    const found = names?.get(name);
    if (found !== undefined) return found;
    const noun = table.slice(0, -1);
    const inLab = this.#lab[table];
    const hint =
      isJsonObject(inLab) && Object.hasOwn(inLab, name)
        ? `A module sees only what it declares itself: declare [${table}.${name}] in it.`
        : nameHint(name, names?.keys() ?? [], table, "The module");
    this.#findings.push({
      code: "config/unknown-reference",
      summary: `The module has no ${noun} "${name}"`,
      origin,
      ...(hint === undefined ? {} : { hint }),
    });
    return name;
  }
}

function below(origin: Origin, key: string | number): Origin {
  return { ...origin, path: [...origin.path, key] };
}
