/** Where expressions get their values from: the lab when planning, the plan and the state when applying. */
import type { Json } from "../../json.ts";
import type { Scope } from "../types.ts";
import type { FileTexts } from "./file-function.ts";

export type SourceValue =
  | { readonly known: true; readonly value: Json; readonly sensitive: boolean }
  /** `address` will tell. */
  | { readonly known: false; readonly address: string; readonly sensitive: boolean };

export interface ValueSource {
  /** What `file("…")` reads. */
  readonly files: FileTexts;
  readonly variableNames: readonly string[];
  variable(name: string): SourceValue;
  readonly secretNames: readonly string[];
  /** Attributes of a secret that is a table; none for one that is one value. */
  secretAttributes(name: string): readonly string[];
  secretAttribute(name: string, attribute: string): SourceValue;
  /** A secret that is one value. */
  secret(name: string): SourceValue;
  readonly vmNames: readonly string[];
  /** An attribute of {@link VM_ATTRIBUTES} other than ports. */
  attribute(vm: string, attribute: string): SourceValue;
  /** Guest port (`80`, `53/udp`) → host port. */
  ports(vm: string): ReadonlyMap<string, SourceValue>;
  /** Environment → names of its VMs. */
  readonly environments: ReadonlyMap<string, readonly string[]>;
  /** Names of the environments that count or for_each make of one, by its name. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Of the environments that a module declares. */
  readonly modules: ReadonlyMap<string, ModuleNames>;
  input(environment: string, name: string): SourceValue;
  output(environment: string, name: string): SourceValue;
}

/** What expressions can name of an environment's module. */
export interface ModuleNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Name in the module → name in the lab. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Attributes of VMs, in the order in which a loop sees them. Those of `LIVE` are known when the VM has run. */
export const VM_ATTRIBUTES = [
  "name",
  "hostname",
  "image",
  "role",
  "user",
  "cpus",
  "memory",
  "disk",
  "labels",
  "ports",
  "ip",
  "mac",
  "networks",
  "ssh_port",
  "id",
] as const;

export const LIVE_ATTRIBUTES: ReadonlySet<string> = new Set(["ssh_port", "id"]);

/** Name of the lab itself among the scopes: outputs and `eval` see neither self, members, each nor count. */
export const LAB_SCOPE = "lab";

export const EMPTY_SCOPE: Scope = {};

/** The guest's own ssh port can be asked for without being declared. */
export const SSH_GUEST_PORT = "22";

/** How a module calls what the lab calls after the environment: `student-ann-net` → `net`. */
export function nameInModule(name: string, environment: string | undefined): string {
  return environment !== undefined && name.startsWith(`${environment}-`)
    ? name.slice(environment.length + 1)
    : name;
}

/** How CEL spells a name: `k8s-cp` → `k8s_cp`. */
export function celName(name: string): string {
  return name.replaceAll("-", "_");
}
