/** Values of settings as people read them, and as programs do. */
import type { Setting } from "../../engine/host/host-settings.ts";
import { formatSize } from "../../engine/units.ts";

/** As it could be given to `config set`; empty where there is no limit. */
export function rawValue(value: Setting["value"]): string {
  return value === null ? "" : String(value);
}

/** Sizes in bytes get a unit; what is written as text stays as it is written. */
export function shownValue({ kind }: Setting, value: Setting["value"]): string {
  if (value === null) return "no limit";
  return kind === "size" && typeof value === "number" ? formatSize(value) : String(value);
}

export function settingJson(setting: Setting): object {
  const { key, value, line, description } = setting;
  return {
    ...{ key, value, default: setting.default },
    origin: line === undefined ? "default" : "config.toml",
    line: line ?? null,
    description,
  };
}
