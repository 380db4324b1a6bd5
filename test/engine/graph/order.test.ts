import { describe, expect, test } from "@jest/globals";
import { buildGraph } from "../../../engine/graph/dependency-graph.ts";
import { dependencyOrder } from "../../../engine/graph/order.ts";

const graph = (edges: Record<string, string[]>) =>
  buildGraph(Object.entries(edges).map(([address, dependsOn]) => ({ address, dependsOn })));

describe("dependencyOrder", () => {
  test("puts dependencies first and keeps the declared order otherwise", () => {
    const order = dependencyOrder(
      graph({ "vm.web": ["image.a"], "vm.db": ["image.a"], "image.a": [], "vm.solo": [] }),
    );
    expect(order).toEqual({ type: "ordered", addresses: ["image.a", "vm.solo", "vm.web", "vm.db"] });
  });

  test("names a cycle in full, without what only leads to it", () => {
    const order = dependencyOrder(
      graph({ "vm.outside": ["vm.a"], "vm.a": ["vm.b"], "vm.b": ["vm.c"], "vm.c": ["vm.a"] }),
    );
    expect(order).toEqual({ type: "cycle", addresses: ["vm.a", "vm.b", "vm.c"] });
  });

  test("orders a chain of 50,000 without overflowing the stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, index) => ({
      address: `vm.n${index}`,
      dependsOn: index === 0 ? [] : [`vm.n${index - 1}`],
    }));
    const order = dependencyOrder(buildGraph(chain.reverse()));
    expect(order.type).toBe("ordered");
    expect(order.addresses[0]).toBe("vm.n0");
    expect(order.addresses.at(-1)).toBe("vm.n49999");
  });

  test("ignores dependencies on what is not part of the graph", () => {
    expect(dependencyOrder(graph({ "vm.a": ["vm.gone"] }))).toEqual({ type: "ordered", addresses: ["vm.a"] });
  });
});
