import type { ErrorObject } from "ajv";
import type { HostConfig as HostSettings } from "../../generated/host-config-types.ts";
import { validate } from "../../generated/validate-host-config.js";
import { nearestName } from "../config/nearest-name.ts";
import { parseToml } from "../config/toml/parse-toml.ts";
import { indexPositions } from "../config/toml/positions.ts";
import { type Diagnostic, DiagnosticsError, problem } from "../diagnostics.ts";
import { isJsonObject, type JsonObject } from "../json.ts";

/** The settings in a config.toml, as written there; all mistakes at once as diagnostics. */
export async function parseHostConfig(text: string, file: string): Promise<HostSettings> {
  const { document, diagnostics } = await parseToml(text, file);
  if (document === undefined) throw new DiagnosticsError(diagnostics);
  // Integers of TOML may come as BigInt, which the schema does not know.
  const settings: unknown = JSON.parse(
    JSON.stringify(document, (_, value) => (typeof value === "bigint" ? Number(value) : value)),
  );
  if (validate(settings)) return settings;
  throw new DiagnosticsError(explain(validate.errors ?? [], document, text, file));
}

const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": ["limits", "builds", "store", "trash"],
  "/limits": ["cpus", "memory", "memory_reserve", "disk", "disk_reserve", "vms", "parallel_starts"],
  "/builds": ["parallel"],
  "/store": ["keep", "max_age"],
  "/trash": ["keep"],
};

function explain(
  errors: readonly ErrorObject[],
  document: JsonObject,
  text: string,
  file: string,
): Diagnostic[] {
  const positions = indexPositions(text, file);
  const found = new Map<string, Diagnostic>();
  for (const error of errors) {
    const path = error.instancePath.split("/").slice(1);
    const unknown: unknown =
      error.keyword === "additionalProperties" ? error.params.additionalProperty : undefined;
    const whole = typeof unknown === "string" ? [...path, unknown] : path;
    const name = whole.join(".");
    // A value that is neither of two things breaks the rules of both: one message is enough.
    if (found.has(name)) continue;
    const range = positions.find(whole);
    found.set(
      name,
      problem({ ...describe(name, unknown, error, document), ...(range === undefined ? {} : { range }) }),
    );
  }
  return [...found.values()];
}

function describe(name: string, unknown: unknown, error: ErrorObject, document: JsonObject) {
  if (typeof unknown === "string") {
    const nearest = nearestName(unknown, KNOWN_KEYS[error.instancePath] ?? []);
    return {
      code: "config/unknown-key",
      summary: `config.toml has no setting "${name}"`,
      ...(nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` }),
    };
  }
  let value: unknown = document;
  for (const key of name.split(".")) value = isJsonObject(value) ? value[key] : undefined;
  const wants = /memory|disk/.test(name)
    ? 'a size such as "4GiB"'
    : /(keep|max_age)$/.test(name)
      ? 'a duration such as "7d" or "12h"'
      : name.includes(".")
        ? "a whole number of 1 or more"
        : "a table";
  return {
    code: "config/bad-value",
    summary: `${name} cannot be ${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
    detail: `${name} takes ${wants}.`,
  };
}
