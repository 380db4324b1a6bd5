/** `depends_on` entries → addresses. */
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { Origin } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import { originInLayers } from "./layers.ts";
import type { ModuleUse } from "./use-modules.ts";

export interface Addressable {
  readonly vms: ReadonlyMap<string, unknown>;
  readonly images: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
  readonly environments: ReadonlyMap<string, readonly string[]>;
  /** Environments that count or for_each make of one. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly uses: ReadonlyMap<string, Pick<ModuleUse, "own">>;
}

export function resolveDependsOn(vm: VmDeclaration, lab: Addressable, findings: Finding[]): string[] {
  const entries = Array.isArray(vm.settings.depends_on) ? (vm.settings.depends_on as readonly string[]) : [];
  return resolveAddresses(vm, ["depends_on"], entries, lab, findings);
}

/** What the entries of a list of addresses stand for; `path` is the list's in the VM's settings. */
export function resolveAddresses(
  vm: VmDeclaration,
  path: readonly string[],
  entries: readonly (string | undefined)[],
  lab: Addressable,
  findings: Finding[],
): string[] {
  const own = `vm.${vm.name}`;
  return entries.flatMap((entry, index) => {
    if (entry === undefined) return [];
    const origin = originInLayers(vm.layers, [...path, index]);
    const addresses = resolveEntry(entry, vm, lab, origin, findings);
    if (addresses.length === 1 && addresses[0] === own) {
      findings.push({
        code: "config/self-reference",
        summary: `${own} depends on itself`,
        origin,
        address: own,
        hint: "Take the entry out.",
      });
    }
    // A glob or an environment may include the VM itself.
    return addresses.filter((address) => address !== own);
  });
}

function resolveEntry(
  entry: string,
  vm: VmDeclaration,
  lab: Addressable,
  origin: Origin,
  findings: Finding[],
): string[] {
  const dot = entry.indexOf(".");
  const kind = entry.slice(0, dot);
  const name = entry.slice(dot + 1);
  const members = vm.scope.members;
  if (kind === "member" && members === undefined) {
    findings.push({
      code: "config/unknown-reference",
      summary: `${entry} means nothing outside of an environment`,
      origin,
      address: `vm.${vm.name}`,
      hint: "Write vm.NAME.",
    });
    return [];
  }
  const { module } = vm.scope;
  const groups =
    module === undefined ? groupsOf(kind, lab, members) : groupsInModule(kind, lab, module, members);
  const matching = name.includes("*")
    ? [...groups.keys()].filter(globMatcher(name))
    : groups.has(name)
      ? [name]
      : [];
  if (matching.length === 0) {
    const noun = kind === "vm" ? "VM" : kind;
    const hint =
      module !== undefined && (kind === "environment" || (kind !== "member" && hasInLab(kind, name, lab)))
        ? "A module sees only what it declares itself."
        : nameHint(name, groups.keys(), `${noun}s`, module === undefined ? "The lab" : "The module");
    findings.push({
      code: "config/unknown-reference",
      summary: name.includes("*") ? `No ${noun} matches ${entry}` : `There is no ${noun} "${name}"`,
      origin,
      address: `vm.${vm.name}`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return matching.flatMap((one) => groups.get(one) ?? []);
}

/** Names that may follow a kind, each with the addresses it stands for. */
interface Named {
  keys(): Iterable<string>;
  has(name: string): boolean;
  get(name: string): readonly string[] | undefined;
}

function hasInLab(kind: string, name: string, lab: Addressable): boolean {
  return groupsOf(kind, lab, undefined).has(name);
}

/** A module sees what it declares, by its own names, and the lab's images and roles. */
function groupsInModule(
  kind: string,
  lab: Addressable,
  module: string,
  members: VmDeclaration["scope"]["members"],
): Named {
  if (kind === "image" || kind === "role" || kind === "member") return groupsOf(kind, lab, members);
  const own =
    kind === "vm"
      ? (lab.environments.get(module) ?? []).map((name) => [name.slice(module.length + 1), name] as const)
      : (lab.uses.get(module)?.own.get(`${kind}s`) ?? []);
  return new Map([...own].map(([short, name]) => [short, [`${kind}.${name}`]]));
}

function groupsOf(kind: string, lab: Addressable, members: VmDeclaration["scope"]["members"]): Named {
  const single = (names: { keys(): Iterable<string>; has(name: string): boolean }) => ({
    keys: () => names.keys(),
    has: (name: string) => names.has(name),
    get: (name: string) => [`${kind}.${name}`],
  });
  switch (kind) {
    case "image":
      return single(lab.images);
    case "role":
      return single(lab.roles);
    case "secret":
      return single(lab.secrets);
    case "network":
      return single(lab.networks);
    case "volume":
      return single(lab.volumes);
    case "environment":
      return new Map(
        [
          ...lab.environments,
          ...[...lab.groups].map(
            ([name, made]) => [name, made.flatMap((one) => lab.environments.get(one) ?? [])] as const,
          ),
        ].map(([name, vms]) => [name, vms.map((vm) => `vm.${vm}`)]),
      );
    case "member":
      return new Map(
        Object.entries(members ?? {}).map(([name, vms]) => [name, [vms].flat().map((vm) => `vm.${vm}`)]),
      );
    default:
      return single(lab.vms);
  }
}

function globMatcher(glob: string): (name: string) => boolean {
  const pattern = new RegExp(
    `^${glob
      .split("*")
      .map((part) => part.replaceAll(/[^a-z0-9_-]/g, "\\$&"))
      .join(".*")}$`,
  );
  return (name) => pattern.test(name);
}
