/** The settings in config.toml one by one, as the schema describes them: for showing and changing them. */
import type { HostConfig as HostSettings } from "../../generated/host-config-types.ts";
import { assetPath } from "../asset-path.ts";
import { nearestName } from "../config/nearest-name.ts";
import { removeValue, setValue, type ValuePath } from "../config/set-value.ts";
import { indexPositions } from "../config/toml/positions.ts";
import { DiagnosticsError, fail, isDiagnosticsError } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import { type HostConfig, hostConfigOf } from "./host-config.ts";
import { withHostLock } from "./host-lock.ts";
import { parseHostConfig } from "./parse-host-config.ts";

type SettingEffects = Pick<Effects, "files" | "host">;

export interface Setting {
  /** `limits.memory`. */
  readonly key: string;
  /** What holds: as written, or the default. Null: there is no limit. */
  readonly value: string | number | null;
  /** What holds without it: as the schema says, or computed from this host, sizes in bytes. */
  readonly default: string | number | null;
  /** Line of config.toml; absent: it is not set. */
  readonly line?: number;
  readonly kind: "number" | "size" | "duration";
  readonly description: string;
}

/** All that there are, in the order of the schema. Fails when config.toml is wrong. */
export async function readSettings(effects: SettingEffects, home: Home): Promise<readonly Setting[]> {
  const text = (await readTextIfThere(effects.files, home.configFile)) ?? "";
  const settings = await parseHostConfig(text, home.configFile);
  const positions = indexPositions(text, home.configFile);
  const found: Setting[] = [];
  for (const { path, schema } of await settingSchemas(effects)) {
    const written = writtenValue(settings, path);
    const standard = await defaultOf(path, schema, settings, effects.host);
    const line = written === undefined ? undefined : positions.find([...path])?.start.line;
    found.push({
      key: path.join("."),
      value: written ?? standard,
      default: standard,
      ...(line === undefined ? {} : { line }),
      kind: kindOf(schema),
      description: String(schema.description ?? ""),
    });
  }
  return found;
}

/** The one setting of this name; another name is refused with what it may have meant. */
export function findSetting(settings: readonly Setting[], key: string): Setting {
  const found = settings.find((setting) => setting.key === key);
  if (found !== undefined) return found;
  const keys = settings.map((setting) => setting.key);
  const inTable = keys.filter((other) => other.startsWith(`${key}.`) || other.endsWith(`.${key}`));
  const nearest = nearestName(key, keys);
  return fail({
    code: "config/unknown-key",
    summary: `there is no setting "${key}"`,
    hint:
      inTable.length > 0
        ? `There ${inTable.length === 1 ? "is" : "are"} ${inTable.join(", ")}.`
        : nearest === undefined
          ? '"vmlab config" lists them.'
          : `Did you mean "${nearest}"?`,
  });
}

/** Writes a setting as it was given, or removes it when there is no value. What would not be valid is not written. */
export async function changeSetting(
  effects: Effects,
  home: Home,
  setting: Setting,
  value: string | undefined,
): Promise<void> {
  const [table = "", key = ""] = setting.key.split(".");
  const path: ValuePath = [table, key];
  await withHostLock(
    effects,
    home,
    "config",
    async () => {
      const before = (await readTextIfThere(effects.files, home.configFile)) ?? "";
      const text =
        value === undefined
          ? await removeValue(before, path)
          : await setValue(before, path, setting.kind === "number" ? numberOr(value) : value);
      await requireValid(text, home.configFile);
      // Where it is a link, what it leads to is written.
      const place = (await effects.files.realPath(home.configFile)) ?? home.configFile;
      await effects.files.makeDir(home.root);
      await effects.files.write(place, text);
    },
    { command: "config" },
  );
}

/** The places of what is wrong are left out: they are not in the file. */
async function requireValid(text: string, file: string): Promise<void> {
  try {
    await parseHostConfig(text, file);
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    throw new DiagnosticsError(error.diagnostics.map(({ range: _, ...problem }) => problem));
  }
}

/** What is no number is left to validation, which says what it should be. */
function numberOr(text: string): Json {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Names of all settings, also when config.toml is wrong. */
export async function settingKeys(
  effects: Pick<Effects, "files">,
): Promise<readonly Pick<Setting, "key" | "description">[]> {
  return (await settingSchemas(effects)).map(({ path, schema }) => ({
    key: path.join("."),
    description: String(schema.description ?? ""),
  }));
}

interface SettingSchema {
  readonly path: ValuePath;
  readonly schema: JsonObject;
}

async function settingSchemas(effects: Pick<Effects, "files">): Promise<readonly SettingSchema[]> {
  const schema: Json = JSON.parse(await effects.files.readText(assetPath("schemas/host-config.schema.json")));
  return propertiesOf(schema).flatMap(([table, inner]) =>
    propertiesOf(inner).map(([key, property]) => ({ path: [table, key] as const, schema: property })),
  );
}

function propertiesOf(schema: Json | undefined): [name: string, schema: JsonObject][] {
  if (!isJsonObject(schema) || !isJsonObject(schema.properties)) return [];
  return Object.entries(schema.properties).flatMap(([name, inner]) =>
    isJsonObject(inner) ? [[name, inner]] : [],
  );
}

function kindOf(schema: JsonObject): Setting["kind"] {
  if (schema.type === "integer") return "number";
  return schema.$ref === "#/definitions/Size" ? "size" : "duration";
}

function writtenValue(settings: HostSettings, [table, key]: ValuePath): string | number | undefined {
  const inner = (settings as unknown as JsonObject)[table];
  const value = isJsonObject(inner) ? inner[key] : undefined;
  return typeof value === "string" || typeof value === "number" ? value : undefined;
}

/** Of those for which the schema has none, because they follow from the host. */
const COMPUTED: Readonly<Record<string, (config: HostConfig) => number | null>> = {
  "limits.cpus": ({ limits }) => limits.cpus,
  "limits.memory": ({ limits }) => limits.memory,
  "limits.disk": () => null,
  "limits.vms": () => null,
  "limits.parallel_starts": ({ limits }) => limits.parallelStarts,
  "builds.parallel": ({ builds }) => builds.parallel,
};

async function defaultOf(
  [table, key]: ValuePath,
  schema: JsonObject,
  settings: HostSettings,
  host: Effects["host"],
): Promise<string | number | null> {
  const { default: standard } = schema;
  if (typeof standard === "string" || typeof standard === "number") return standard;
  const inner = (settings as unknown as JsonObject)[table];
  const { [key]: _, ...others } = isJsonObject(inner) ? inner : {};
  const without = { ...settings, [table]: others } as HostSettings;
  return COMPUTED[`${table}.${key}`]?.(await hostConfigOf(without, host)) ?? null;
}
