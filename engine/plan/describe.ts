/** Attribute changes in words, for summaries. */
import { isJsonObject, type Json } from "../json.ts";
import { formatSize } from "../units.ts";
import { isDeferred } from "./compare-inputs.ts";
import type { AttributeChange } from "./types.ts";

const SIZES = new Set(["memory", "disk", "size"]);

/** `memory 1 GiB → 2 GiB`; never a sensitive value. */
export function describeChange(change: AttributeChange): string {
  const name = change.path.join(".");
  if (change.path[0] === "steps") return "provisioning";
  if (change.path[0] === "cloud_init") return "cloud_init changed";
  if (change.sensitive) return `${name} changed`;
  if (isLong(change.before) || isLong(change.after)) return describeCollection(name, change);
  return `${name} ${describeValue(name, change.before)} → ${change.unknown ? "(known at apply)" : describeValue(name, change.after)}`;
}

export function describeValue(name: string, value: Json | undefined): string {
  if (value === undefined) return "none";
  if (isDeferred(value)) return value.sensitive ? "(sensitive)" : "(known at apply)";
  if (typeof value === "number" && SIZES.has(name.split(".").at(-1) ?? "")) return formatSize(value);
  if (typeof value !== "string") return JSON.stringify(value);
  return name === "ports" ? describePort(value) : value;
}

/** A normalised port (`127.0.0.1:0:80/tcp`) as one would write it (`80`). */
function describePort(port: string): string {
  return port
    .replace(/\/tcp$/, "")
    .replace(/^127\.0\.0\.1:/, "")
    .replace(/^0:/, "");
}

function isLong(value: Json | undefined): boolean {
  return typeof value === "object" && value !== null;
}

/** Lists and tables: what is added and what is removed. */
function describeCollection(name: string, change: AttributeChange): string {
  const before = entries(name, change.before);
  const after = entries(name, change.after);
  const added = [...after].filter((entry) => !before.has(entry)).map((entry) => `+${entry}`);
  const removed = [...before].filter((entry) => !after.has(entry)).map((entry) => `−${entry}`);
  const parts = [...added, ...removed];
  return parts.length === 0 || parts.length > 4 ? `${name} changed` : `${name} ${parts.join(" ")}`;
}

/** An item of a list: a volume by its name and place, a shared folder by both ends. */
function describeItem(name: string, item: Json): string {
  if (!isJsonObject(item) || isDeferred(item)) return describeValue(name, item);
  const { name: own, ip, mount, from, to, readonly } = item;
  const words =
    from === undefined ? [own, ip, ...(mount === undefined ? [] : ["on", mount])] : [from, "on", to];
  if (own === undefined && from === undefined) return describeValue(name, item);
  const said = words.filter((word) => typeof word === "string").join(" ");
  return readonly === true ? `${said} (read-only)` : said;
}

function entries(name: string, value: Json | undefined): Set<string> {
  if (Array.isArray(value)) return new Set(value.map((item: Json) => describeItem(name, item)));
  if (typeof value !== "object" || value === null)
    return new Set(value === undefined ? [] : [describeValue("", value)]);
  return new Set(Object.entries(value).map(([key, inner]) => `${key}=${describeValue(key, inner as Json)}`));
}
