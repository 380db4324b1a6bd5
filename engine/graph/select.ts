/** Which resources a plan is about: targets, excludes, and the globs that name them. */
import type { EnvironmentMember } from "../config/types.ts";
import { closure, type DependencyGraph, dependenciesOf, dependentsOf } from "./dependency-graph.ts";

/** What selectors are matched against. */
export interface Selectable {
  readonly address: string;
  readonly environment?: EnvironmentMember | undefined;
}

/** A matcher for one selector: an address, a glob with `*`, or `environment.NAME`. */
function matcher(selector: string): (resource: Selectable) => boolean {
  if (selector.startsWith("environment.")) {
    const glob = globPattern(selector.slice("environment.".length));
    return (resource) => {
      const name = resource.environment?.environment;
      return name !== undefined && glob.test(name);
    };
  }
  const glob = globPattern(selector);
  return (resource) => glob.test(resource.address);
}

/** `*` stands for any number of characters, everything else for itself. */
export function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
  return new RegExp(`^${escaped}$`);
}

export interface Selection {
  /** Addresses that the plan is about. */
  readonly selected: ReadonlySet<string>;
  /** Selectors that match nothing. */
  readonly unmatched: readonly string[];
}

/** What is selected along with a resource, and what is left out along with one. */
export interface Directions {
  readonly along: (address: string) => readonly string[];
  readonly against: (address: string) => readonly string[];
}

/**
 * What is made brings what it depends on, and leaves out what depends on it; what goes away (`leaves`) the other way
 * round.
 */
export function directions(graph: DependencyGraph, leaves: (address: string) => boolean): Directions {
  return {
    along: (address) => (leaves(address) ? dependentsOf(graph, address) : dependenciesOf(graph, address)),
    against: (address) => (leaves(address) ? dependenciesOf(graph, address) : dependentsOf(graph, address)),
  };
}

/** Targets with what they bring along (all, without targets), less the excluded and what they take out. */
export function select(
  resources: readonly Selectable[],
  selectors: { readonly targets: readonly string[]; readonly excludes: readonly string[] },
  { along, against }: Directions,
): Selection {
  const unmatched: string[] = [];
  const matching = (list: readonly string[]): string[] =>
    list.flatMap((selector) => {
      const matches = matcher(selector);
      const found = resources.filter(matches).map((resource) => resource.address);
      if (found.length === 0) unmatched.push(selector);
      return found;
    });
  const targets = matching(selectors.targets);
  const selected =
    selectors.targets.length === 0
      ? new Set(resources.map((resource) => resource.address))
      : closure(targets, along);
  for (const address of closure(matching(selectors.excludes), against)) selected.delete(address);
  return { selected, unmatched };
}
