/** The dependency graph of a lab: nodes are addresses, an edge leads from a resource to what it depends on. */
import { Graph } from "@dagrejs/graphlib";

export interface GraphNode {
  readonly address: string;
  readonly dependsOn: readonly string[];
}

export type DependencyGraph = Graph;

/** Builds the graph in O(V + E). Dependencies on addresses that are no nodes are left out. */
export function buildGraph(nodes: Iterable<GraphNode>): DependencyGraph {
  const graph: DependencyGraph = new Graph({ directed: true });
  const all = [...nodes];
  for (const node of all) graph.setNode(node.address);
  for (const node of all) {
    for (const dependency of node.dependsOn) {
      if (graph.hasNode(dependency)) graph.setEdge(node.address, dependency);
    }
  }
  return graph;
}

/** What `address` depends on directly. */
export function dependenciesOf(graph: DependencyGraph, address: string): readonly string[] {
  return graph.successors(address) ?? [];
}

/** What depends directly on `address`. */
export function dependentsOf(graph: DependencyGraph, address: string): readonly string[] {
  return graph.predecessors(address) ?? [];
}

/** `roots` and everything reachable from them along `next`, without recursion: chains may be long. */
export function closure(roots: Iterable<string>, next: (address: string) => readonly string[]): Set<string> {
  const seen = new Set<string>(roots);
  const open = [...seen];
  for (let address = open.pop(); address !== undefined; address = open.pop()) {
    for (const neighbour of next(address)) {
      if (seen.has(neighbour)) continue;
      seen.add(neighbour);
      open.push(neighbour);
    }
  }
  return seen;
}
