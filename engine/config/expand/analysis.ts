/** What an analysis of expressions finds, and what it must know of the lab. */
import type { ExpressionProblem } from "../expressions/cel.ts";
import type { ModuleNames } from "../expressions/value-source.ts";
import type { SecretKind } from "../secret-kinds.ts";

export interface Analysis {
  /** Offsets into the string. */
  readonly problems: readonly ExpressionProblem[];
  /** Addresses whose recorded values are read. */
  readonly dependsOn: ReadonlySet<string>;
  readonly vms: ReadonlySet<string>;
  readonly environments: ReadonlySet<string>;
  /** Environments whose modules' inputs, outputs or secrets are read. */
  readonly modules: ReadonlySet<string>;
  readonly sensitiveVars: ReadonlySet<string>;
  /** May read a secret or a sensitive variable. */
  readonly sensitive: boolean;
}

/** What an analysis must know of the lab. */
export interface Names {
  readonly vars: ReadonlyMap<string, { readonly sensitive: boolean }>;
  readonly secrets: ReadonlyMap<string, SecretKind>;
  /** Names as declared; looked up in CEL's spelling too. */
  readonly vms: { has(name: string): boolean; keys(): Iterable<string> };
  readonly environments: ReadonlyMap<string, readonly string[]>;
  /** Names of the environments that count or for_each make of one. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Of the environments that a module declares. */
  readonly modules: ReadonlyMap<string, ModuleNames>;
  /** What an input comes from; with `onlyVars` problems are those of what must be known at once. */
  input(environment: string, name: string, onlyVars: boolean): Analysis;
  output(environment: string, name: string): Analysis;
  /** Guest ports of a VM with the host port each is bound to, null where the kernel chooses. */
  ports(vm: string): ReadonlyMap<string, number | null>;
  /** Names of the networks that a VM is in. */
  networks(vm: string): ReadonlySet<string>;
  /** The analysis of the string that an attribute comes from, if it comes from one. */
  attribute(vm: string, attribute: string): Analysis | undefined;
}

export const NO_ANALYSIS: Analysis = {
  problems: [],
  dependsOn: new Set(),
  vms: new Set(),
  environments: new Set(),
  modules: new Set(),
  sensitiveVars: new Set(),
  sensitive: false,
};

/** What several strings refer to together. */
export function unionOf(analyses: readonly Analysis[]): Analysis {
  const [only, ...more] = analyses;
  if (more.length === 0) return only ?? NO_ANALYSIS;
  const all = (pick: (one: Analysis) => Iterable<string>) =>
    new Set(analyses.flatMap((one) => [...pick(one)]));
  return {
    problems: analyses.flatMap((one) => one.problems),
    dependsOn: all((one) => one.dependsOn),
    vms: all((one) => one.vms),
    environments: all((one) => one.environments),
    modules: all((one) => one.modules),
    sensitiveVars: all((one) => one.sensitiveVars),
    sensitive: analyses.some((one) => one.sensitive),
  };
}
