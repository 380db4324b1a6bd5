import { describe, expect, test } from "@jest/globals";
import { buildGraph } from "../../../engine/graph/dependency-graph.ts";
import { directions, select } from "../../../engine/graph/select.ts";

const member = (name: string) => ({ environment: "k8s", member: name });
const resources = [
  { address: "image.base", dependsOn: [] },
  { address: "vm.k8s-cp", dependsOn: ["image.base"], environment: member("cp") },
  { address: "vm.k8s-worker", dependsOn: ["vm.k8s-cp", "image.base"], environment: member("worker") },
  { address: "vm.web", dependsOn: ["image.base"] },
];
const graph = buildGraph(resources);
const selected = (targets: string[], excludes: string[] = [], leaving: string[] = []) =>
  [
    ...select(
      resources,
      { targets, excludes },
      directions(graph, (address) => leaving.includes(address)),
    ).selected,
  ].sort();

describe("select", () => {
  test("takes everything when nothing is targeted", () => {
    expect(selected([])).toEqual(["image.base", "vm.k8s-cp", "vm.k8s-worker", "vm.web"]);
  });

  test("takes a target with what it depends on", () => {
    expect(selected(["vm.k8s-worker"])).toEqual(["image.base", "vm.k8s-cp", "vm.k8s-worker"]);
  });

  test("takes an environment by its name", () => {
    expect(selected(["environment.k8s"])).toEqual(["image.base", "vm.k8s-cp", "vm.k8s-worker"]);
  });

  test("leaves out what is excluded and what depends on it", () => {
    expect(selected([], ["vm.k8s-cp"])).toEqual(["image.base", "vm.web"]);
  });

  test("takes dependents along with what goes away, and not what it stood on", () => {
    expect(selected(["vm.k8s-cp"], [], ["vm.k8s-cp", "vm.k8s-worker"])).toEqual([
      "vm.k8s-cp",
      "vm.k8s-worker",
    ]);
  });

  test("names selectors that match nothing", () => {
    expect(
      select(
        resources,
        { targets: ["vm.wbe"], excludes: ["vm.x*"] },
        directions(graph, () => false),
      ).unmatched,
    ).toEqual(["vm.wbe", "vm.x*"]);
  });
});
