/** Dependency order (Kahn's algorithm), and the cycle that stands in its way. */
import { type DependencyGraph, dependenciesOf, dependentsOf } from "./dependency-graph.ts";

export type Order =
  | { readonly type: "ordered"; readonly addresses: readonly string[] }
  /** One cycle in full: each depends on the next, the last on the first. */
  | { readonly type: "cycle"; readonly addresses: readonly string[] };

/**
 * Dependencies first; among those that could go next, the one declared first. O(V + E), without recursion:
 * graphlib's own topsort overflows the stack on long chains.
 */
export function dependencyOrder(graph: DependencyGraph): Order {
  const waiting = new Map<string, number>();
  const ready: string[] = [];
  for (const address of graph.nodes()) {
    const count = dependenciesOf(graph, address).length;
    waiting.set(address, count);
    if (count === 0) ready.push(address);
  }
  const ordered: string[] = [];
  for (let next = 0; next < ready.length; next++) {
    const address = ready[next] as string;
    ordered.push(address);
    for (const dependent of dependentsOf(graph, address)) {
      const left = (waiting.get(dependent) ?? 0) - 1;
      waiting.set(dependent, left);
      if (left === 0) ready.push(dependent);
    }
  }
  if (ordered.length === waiting.size) return { type: "ordered", addresses: ordered };
  return { type: "cycle", addresses: findCycle(graph, waiting) };
}

/** Every node that is left waits for another that is left: walking along them must come round. */
function findCycle(graph: DependencyGraph, waiting: ReadonlyMap<string, number>): readonly string[] {
  const left = (address: string) => (waiting.get(address) ?? 0) > 0;
  const path: string[] = [];
  const position = new Map<string, number>();
  let address = graph.nodes().find(left);
  while (address !== undefined && !position.has(address)) {
    position.set(address, path.length);
    path.push(address);
    address = dependenciesOf(graph, address).find(left);
  }
  return path.slice(position.get(address ?? "") ?? 0);
}
