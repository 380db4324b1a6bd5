/** The graph as text: DOT for Graphviz, Mermaid for Markdown, JSON for programs. */
import { type DependencyGraph, dependenciesOf } from "./dependency-graph.ts";

export type GraphFormat = "dot" | "mermaid" | "json";

/** Edges lead from a resource to what it depends on. Nodes and edges are sorted, so that the text is stable. */
export function renderGraph(graph: DependencyGraph, format: GraphFormat, lab: string): string {
  const nodes = [...graph.nodes()].sort();
  const edges = nodes.flatMap((from) => [...dependenciesOf(graph, from)].sort().map((to) => ({ from, to })));
  switch (format) {
    case "dot":
      return [
        `digraph ${JSON.stringify(lab)} {`,
        "  rankdir = RL",
        '  node [shape = box, fontname = "sans-serif"]',
        ...nodes.map((node) => `  ${JSON.stringify(node)}`),
        ...edges.map((edge) => `  ${JSON.stringify(edge.from)} -> ${JSON.stringify(edge.to)}`),
        "}",
        "",
      ].join("\n");
    case "mermaid": {
      const id = new Map(nodes.map((node, index) => [node, `n${index}`]));
      return [
        "graph RL",
        ...nodes.map((node) => `  ${id.get(node)}["${node}"]`),
        ...edges.map((edge) => `  ${id.get(edge.from)} --> ${id.get(edge.to)}`),
        "",
      ].join("\n");
    }
    case "json":
      return `${JSON.stringify({ lab, nodes: nodes.map((address) => ({ address, type: address.split(".")[0] })), edges }, null, 2)}\n`;
  }
}
