/** Merges lab.toml and its includes into one document; each name may be declared once over all files. */
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { Finding } from "./findings.ts";
import { schema } from "./schema.ts";
import type { Origin } from "./types.ts";

export interface MergedFiles {
  readonly document: JsonObject;
  /** Where each top-level key, each named table and each item of a list was declared: `vms`, `vms.web`, `checks.0`. */
  readonly origins: Map<string, Origin>;
  readonly findings: readonly Finding[];
}

/** Tables whose keys are names, so that several files can add to them. */
const NAMED = new Set(
  Object.entries(schema.properties ?? {})
    .filter(([, node]) => node.additionalProperties !== undefined && node.$ref === undefined)
    .map(([key]) => key),
);

/** Lists of tables (`[[checks]]`), to which each file adds its own. */
const LISTS = new Set(
  Object.entries(schema.properties ?? {})
    .filter(([, node]) => node.type === "array")
    .map(([key]) => key),
);

/** `files` in the order read, lab.toml first. */
export function mergeFiles(
  files: readonly { readonly path: string; readonly document: JsonObject }[],
): MergedFiles {
  const document: Record<string, Json> = {};
  const origins = new Map<string, Origin>();
  const findings: Finding[] = [];
  for (const { path: file, document: part } of files) {
    for (const [table, value] of Object.entries(part)) {
      const origin = { file, path: [table] };
      const present = document[table];
      if (LISTS.has(table) && Array.isArray(value) && (present === undefined || Array.isArray(present))) {
        const list: Json[] = [...(present ?? [])];
        if (present === undefined) origins.set(table, origin);
        for (const [index, item] of (value as Json[]).entries()) {
          origins.set(`${table}.${list.length}`, { file, path: [table, index] });
          list.push(item);
        }
        document[table] = list;
        continue;
      }
      if (!NAMED.has(table) || !isJsonObject(value) || (present !== undefined && !isJsonObject(present))) {
        const first = origins.get(table);
        if (first === undefined) {
          document[table] = value;
          origins.set(table, origin);
        } else findings.push(declaredTwice(`[${table}]`, origin, first));
        continue;
      }
      // The first file's table is taken as it is: most labs have one file.
      const target: Record<string, Json> = (present as Record<string, Json> | undefined) ?? {};
      if (present === undefined) {
        document[table] = target;
        origins.set(table, origin);
      }
      for (const [name, entry] of Object.entries(value)) {
        const place = { file, path: [table, name] };
        const key = `${table}.${name}`;
        const first = origins.get(key);
        if (first !== undefined) findings.push(declaredTwice(key, place, first));
        else {
          target[name] = entry;
          origins.set(key, place);
        }
      }
    }
  }
  return { document, origins, findings };
}

function declaredTwice(what: string, origin: Origin, first: Origin): Finding {
  return {
    code: "config/declared-twice",
    summary: `${what} is declared twice`,
    origin,
    spot: { part: "key" },
    related: [{ message: "first declared here", origin: first, spot: { part: "key" } }],
    hint: "Each name may be declared once over lab.toml and its includes.",
  };
}
