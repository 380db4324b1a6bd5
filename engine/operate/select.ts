/** Which VMs a day-2 command works on: names, globs, environment, role, labels, or all. */
import { nearestName } from "../config/nearest-name.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { globPattern } from "../graph/select.ts";
import type { ResourceState, State } from "../state/types.ts";

export interface VmSelectors {
  /** Names (`web`), addresses (`vm.web`) or globs (`k8s-*`). */
  readonly names: readonly string[];
  readonly environments: readonly string[];
  readonly roles: readonly string[];
  /** `KEY=VALUE`, or `KEY` for any value. A VM must have all of them. */
  readonly labels: readonly string[];
  readonly all: boolean;
}

export type VmSelection =
  | { readonly ok: true; readonly vms: readonly ResourceState[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * VMs of the state, sorted by name as people count (`worker-2` before `worker-10`). Names choose; environment, role
 * and labels narrow what names (or, without names, all VMs) give. A selector that finds nothing is a problem.
 */
export function selectVms(state: State | undefined, selectors: VmSelectors): VmSelection {
  const vms = vmsOf(state);
  const diagnostics: Diagnostic[] = [];
  const filtering = selectors.environments.length + selectors.roles.length + selectors.labels.length > 0;
  if (selectors.names.length === 0 && !filtering && !selectors.all) {
    return failed([
      problem({
        code: "select/nothing-named",
        summary: "no VM is named",
        hint: "Name VMs or globs, or choose with --env, --role, --label, or --all.",
      }),
    ]);
  }
  const named = new Set<ResourceState>();
  for (const name of selectors.names) {
    const found = matching(vms, name);
    if (found.length === 0) diagnostics.push(unknownVm(name, vms));
    for (const vm of found) named.add(vm);
  }
  if (diagnostics.length > 0) return failed(diagnostics);
  const pool = selectors.names.length > 0 ? vms.filter((vm) => named.has(vm)) : vms;
  for (const [values, of, option, noun] of [
    [selectors.environments, environmentOf, "--env", "environment"],
    [selectors.roles, roleOf, "--role", "role"],
  ] as const) {
    const known = new Set(vms.flatMap((vm) => of(vm) ?? []));
    for (const value of values)
      if (!known.has(value)) diagnostics.push(unknownGroup(option, noun, value, known));
  }
  if (diagnostics.length > 0) return failed(diagnostics);
  const chosen = pool.filter(
    (vm) =>
      among(selectors.environments, environmentOf(vm)) &&
      among(selectors.roles, roleOf(vm)) &&
      selectors.labels.every((label) => hasLabel(vm, label)),
  );
  if (chosen.length === 0 && (filtering || vms.length === 0)) return failed([nothingLeft(selectors, vms)]);
  return { ok: true, vms: chosen };
}

/** The VMs of the state, sorted by name. */
export function vmsOf(state: State | undefined): readonly ResourceState[] {
  return Object.values(state?.resources ?? {})
    .filter((resource) => resource.type === "vm")
    .sort((a, b) => compareNames(a.name, b.name));
}

/** `worker-2` before `worker-10`. */
export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b);
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

function failed(diagnostics: readonly Diagnostic[]): VmSelection {
  return { ok: false, diagnostics };
}

function matching(vms: readonly ResourceState[], selector: string): readonly ResourceState[] {
  const name = selector.startsWith("vm.") ? selector.slice("vm.".length) : selector;
  if (!name.includes("*")) return vms.filter((vm) => vm.name === name);
  const pattern = globPattern(name);
  return vms.filter((vm) => pattern.test(vm.name));
}

function environmentOf(vm: ResourceState): string | undefined {
  return vm.environment?.environment;
}

function roleOf(vm: ResourceState): string | undefined {
  const { role } = vm.inputs;
  return typeof role === "string" ? role : undefined;
}

function among(values: readonly string[], value: string | undefined): boolean {
  return values.length === 0 || (value !== undefined && values.includes(value));
}

function hasLabel(vm: ResourceState, label: string): boolean {
  const labels = vm.inputs.labels;
  if (typeof labels !== "object" || labels === null) return false;
  const [key = "", value] = splitOnce(label);
  const found = Object.entries(labels).find(([name]) => name === key)?.[1];
  return value === undefined ? found !== undefined : found === value;
}

function splitOnce(label: string): [string, string | undefined] {
  const equals = label.indexOf("=");
  return equals < 0 ? [label, undefined] : [label.slice(0, equals), label.slice(equals + 1)];
}

function unknownVm(name: string, vms: readonly ResourceState[]): Diagnostic {
  const names = vms.map((vm) => vm.name);
  const nearest = nearestName(name.replace(/^vm\./, ""), names);
  return problem({
    code: "select/unknown-vm",
    summary: name.includes("*") ? `no VM matches "${name}"` : `there is no VM "${name}"`,
    hint: nearest === undefined ? knownNames(names) : `Did you mean "${nearest}"?`,
  });
}

function knownNames(names: readonly string[]): string {
  if (names.length === 0) return `The lab has no VMs yet. "vmlab apply" makes those that lab.toml declares.`;
  if (names.length <= 8) return `The lab has ${names.join(", ")}.`;
  return `"vmlab list" shows all ${names.length}.`;
}

function unknownGroup(option: string, noun: string, value: string, known: ReadonlySet<string>): Diagnostic {
  const nearest = nearestName(value, known);
  const all = [...known].sort();
  return problem({
    code: `select/unknown-${noun}`,
    summary: `no VM belongs to the ${noun} "${value}" (${option})`,
    hint:
      nearest !== undefined
        ? `Did you mean "${nearest}"?`
        : all.length === 0
          ? `No VM of the lab belongs to a${noun === "environment" ? "n" : ""} ${noun}.`
          : `There are ${all.join(", ")}.`,
  });
}

function nothingLeft(selectors: VmSelectors, vms: readonly ResourceState[]): Diagnostic {
  if (vms.length === 0) {
    return problem({ code: "select/no-vms", summary: "the lab has no VMs", hint: knownNames([]) });
  }
  const asked = [
    ...selectors.environments.map((value) => `--env ${value}`),
    ...selectors.roles.map((value) => `--role ${value}`),
    ...selectors.labels.map((value) => `--label ${value}`),
  ];
  return problem({
    code: "select/nothing-left",
    summary: `no VM fits ${asked.join(" ")}`,
    hint: `"vmlab list --json" shows each VM with its environment, role and labels.`,
  });
}
