/** What somebody who wrote an unknown key probably wanted. */
import { isJsonObject, type Json } from "../json.ts";
import { nearestName } from "./nearest-name.ts";
import { definition, moduleSchema, type SchemaNode, schema } from "./schema.ts";

/** Words of other tools, by what they are called here. */
const ALIASES: Readonly<Record<string, string>> = {
  cpu: "cpus",
  vcpus: "cpus",
  vcpu: "cpus",
  cores: "cpus",
  ram: "memory",
  mem: "memory",
  storage: "disk",
  disk_size: "disk",
  size: "disk",
  port: "ports",
  forwarded_ports: "ports",
  tags: "labels",
  environment: "env",
  provision: "run",
  provisioner: "run",
  commands: "run",
  base: "image",
  box: "image",
  source: "url",
};

/** Where a setting lives, for those who write it one table too high or too low. */
const TABLE_WORDS: Readonly<Record<string, string>> = {
  LabSettings: "[lab]",
  Limits: "[limits]",
  Vm: "a VM ([vms.NAME])",
  Login: "login, as in login.KEY",
  Image: "an image ([images.NAME])",
  Bootstrap: "an image's bootstrap",
  Variable: "a variable ([vars.NAME])",
  Secret: "a secret ([secrets.NAME])",
  Environment: "an environment ([environments.NAME])",
  Lifecycle: "lifecycle, as in lifecycle.KEY",
  Timeouts: "timeouts, as in timeouts.KEY",
  Ready: "ready, as in ready.KEY",
};

/** Tables of a lab that a module has no part in, with what it does instead. */
const LAB_ONLY: Readonly<Record<string, string>> = {
  lab: "Settings of the lab belong into lab.toml.",
  vars: "A module has [inputs], which the environment that uses it fills.",
  images: "Images belong to the lab: name one of its images, or take the name as an input.",
  roles: "Roles belong to the lab: name one of its roles, or take the name as an input.",
  environments: "A module is one environment: its members are its [vms]. It cannot use other modules.",
};

/** A hint for `key` in the table at `path`, whose settings are `allowed`. */
export function unknownKeyHint(
  path: readonly (string | number)[],
  key: string,
  value: Json | undefined,
  allowed: readonly string[],
  root: SchemaNode = schema,
): string | undefined {
  if (path.length === 0) {
    if (root === moduleSchema && LAB_ONLY[key] !== undefined) return LAB_ONLY[key];
    const table = singularOrPlural(key, allowed);
    if (table !== undefined) {
      const first = isJsonObject(value) ? Object.keys(value)[0] : undefined;
      return first === undefined ? `Write [${table}]` : `Write [${table}.${first}]`;
    }
  }
  const alias = ALIASES[key];
  if (alias !== undefined && allowed.includes(alias)) return `vmlab calls it ${alias}.`;
  const nearest = singularOrPlural(key, allowed) ?? nearestName(key, allowed);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  if (allowed.includes("template") && key === "hostname") return "The table's name is the hostname.";
  const home = Object.keys(TABLE_WORDS).find((name) => key in (definition(name).properties ?? {}));
  const words = home === undefined ? undefined : TABLE_WORDS[home];
  if (words !== undefined) return `"${key}" is a setting of ${words.replace("KEY", key)}.`;
  return allowed.length > 0 && allowed.length <= 18 ? `Known: ${allowed.join(", ")}.` : undefined;
}

function singularOrPlural(key: string, allowed: readonly string[]): string | undefined {
  return allowed.find((name) => name === `${key}s` || `${name}s` === key);
}
