/** Which VMs `delete` means, and why it may refuse. */
import { nearestName } from "../engine/config/nearest-name.ts";
import type { Expansion, Lab, Resource } from "../engine/config/types.ts";
import { type Diagnostic, DiagnosticsError, problem } from "../engine/diagnostics.ts";
import { globPattern } from "../engine/graph/select.ts";
import { compareNames } from "../engine/operate/select.ts";
import type { ResourceState, State } from "../engine/state/types.ts";

/** A VM to delete: declared, made, or both. */
export interface Doomed {
  readonly name: string;
  readonly address: string;
  readonly resource: Resource | undefined;
  readonly record: ResourceState | undefined;
}

/** Names and globs against what is declared and what was made. */
export function doomedVms(
  names: readonly string[],
  expansion: Expansion,
  state: State | undefined,
): Doomed[] {
  const all = new Map<string, Doomed>();
  for (const resource of expansion.resources) {
    if (resource.type !== "vm") continue;
    const { name, address } = resource;
    all.set(name, { name, address, resource, record: state?.resources[address] });
  }
  for (const record of Object.values(state?.resources ?? {})) {
    const { name, address } = record;
    if (record.type === "vm" && !all.has(name)) all.set(name, { name, address, resource: undefined, record });
  }
  const chosen = new Map<string, Doomed>();
  const problems: Diagnostic[] = [];
  for (const given of names) {
    const wanted = given.replace(/^vm\./, "");
    const pattern = globPattern(wanted);
    const found = [...all.values()].filter(({ name }) => pattern.test(name));
    for (const vm of found) chosen.set(vm.name, vm);
    if (found.length > 0) continue;
    const nearest = nearestName(wanted, all.keys());
    problems.push(
      problem({
        code: "select/unknown-vm",
        summary: wanted.includes("*") ? `no VM matches "${wanted}"` : `there is no VM "${wanted}"`,
        hint: nearest === undefined ? `"vmlab list" shows the VMs.` : `Did you mean "${nearest}"?`,
      }),
    );
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return [...chosen.values()].sort((a, b) => compareNames(a.name, b.name));
}

export function refusals(
  doomed: readonly Doomed[],
  lab: Lab,
  expansion: Expansion,
  state: State | undefined,
): readonly Diagnostic[] {
  const addresses = new Set(doomed.map(({ address }) => address));
  return doomed.flatMap((vm) => [
    ...generated(vm, lab),
    ...protectedVm(vm, lab),
    ...needed(vm, addresses, lab, expansion, state),
  ]);
}

/** A member of an environment or a counted VM has no table of its own to take out. */
function generated({ name, address, resource }: Doomed, lab: Lab): Diagnostic[] {
  const member = resource?.environment;
  if (resource === undefined || member === undefined) return [];
  const range = lab.locate(resource.origin);
  const counted = member.key !== undefined;
  const { usedBy } = resource.origin;
  const base =
    member.environment === undefined || usedBy !== undefined
      ? `vms.${member.member}`
      : `environments.${member.environment}.vms.${member.member}`;
  const group = usedBy === undefined ? "the environment" : `${resource.origin.file}, for all who use it`;
  return [
    problem({
      code: "config/generated-member",
      summary: counted
        ? `${address} is made by ${typeof member.key === "number" ? "count" : "for_each"} of [${base}] and has no entry of its own`
        : `${address} is a member of the environment ${member.environment ?? ""}`,
      ...(range === undefined ? {} : { range }),
      hint: counted
        ? `Change ${typeof member.key === "number" ? "count" : "for_each"} there, then "vmlab apply".`
        : `Take [${base}] out of ${group}, then "vmlab apply"; or "vmlab destroy --target vm.${name}" to delete it and keep the entry.`,
      address,
    }),
  ];
}

function protectedVm({ address, resource, record }: Doomed, lab: Lab): Diagnostic[] {
  if (resource?.preventDestroy !== true && record?.preventDestroy !== true) return [];
  const range = resource === undefined ? undefined : lab.locate(resource.origin);
  return [
    problem({
      code: "plan/prevent-destroy",
      summary: `${address} is protected by lifecycle.prevent_destroy`,
      ...(range === undefined ? {} : { range }),
      hint: "Take prevent_destroy out and apply that first.",
      address,
    }),
  ];
}

function needed(
  { address }: Doomed,
  doomed: ReadonlySet<string>,
  lab: Lab,
  expansion: Expansion,
  state: State | undefined,
): Diagnostic[] {
  const declared = expansion.resources.filter(
    (other) => other.dependsOn.includes(address) && !doomed.has(other.address),
  );
  const related = declared.flatMap((other) => {
    const range = lab.locate(other.origin);
    return range === undefined ? [] : [{ message: other.address, range }];
  });
  const recorded = Object.values(state?.resources ?? {}).filter(
    (other) =>
      other.dependsOn.includes(address) &&
      !doomed.has(other.address) &&
      !expansion.resources.some((resource) => resource.address === other.address),
  );
  const names = [...declared, ...recorded].map((other) => other.address);
  if (names.length === 0) return [];
  return [
    problem({
      code: "config/still-needed",
      summary: `${address} is needed by ${names.join(", ")}`,
      ...(related.length === 0 ? {} : { related }),
      hint: `Delete ${names.length === 1 ? "it" : "them"} too: vmlab delete ${[address, ...names].map((name) => name.replace(/^vm\./, "")).join(" ")}; or take the dependency out of lab.toml first.`,
      address,
    }),
  ];
}
