import { describe, expect, test } from "@jest/globals";
import { selectVms, type VmSelectors } from "../../../engine/operate/select.ts";
import type { ResourceState, State } from "../../../engine/state/types.ts";

function vm(
  name: string,
  fields: { environment?: string; role?: string; labels?: Record<string, string> },
): ResourceState {
  return {
    address: `vm.${name}`,
    type: "vm",
    name,
    provider: "fake",
    generation: 1,
    phase: "complete",
    inputs: { ...(fields.role === undefined ? {} : { role: fields.role }), labels: fields.labels ?? {} },
    attributes: {},
    dependsOn: [],
    preventDestroy: false,
    ...(fields.environment === undefined
      ? {}
      : { environment: { environment: fields.environment, member: name } }),
  };
}

const VMS = [
  vm("web", { role: "docker", labels: { tier: "front" } }),
  vm("k8s-worker-10", { environment: "k8s", labels: { tier: "back" } }),
  vm("k8s-worker-2", { environment: "k8s" }),
];
const STATE = {
  resources: Object.fromEntries(VMS.map((resource) => [resource.address, resource])),
} as unknown as State;
const NOTHING: VmSelectors = { names: [], environments: [], roles: [], labels: [], all: false };

function names(selectors: Partial<VmSelectors>): readonly string[] {
  const selection = selectVms(STATE, { ...NOTHING, ...selectors });
  return selection.ok
    ? selection.vms.map(({ name }) => name)
    : selection.diagnostics.map(({ code, hint }) => `${code}: ${hint}`);
}

describe("selecting VMs", () => {
  test("takes names, addresses and globs, once each, in the order people count", () => {
    expect(names({ names: ["vm.web", "web", "k8s-*"] })).toEqual(["k8s-worker-2", "k8s-worker-10", "web"]);
    expect(names({ all: true })).toEqual(["k8s-worker-2", "k8s-worker-10", "web"]);
  });

  test("narrows by environment, role and labels", () => {
    expect(names({ environments: ["k8s"] })).toEqual(["k8s-worker-2", "k8s-worker-10"]);
    expect(names({ roles: ["docker"] })).toEqual(["web"]);
    expect(names({ labels: ["tier"] })).toEqual(["k8s-worker-10", "web"]);
    expect(names({ labels: ["tier=back"], environments: ["k8s"] })).toEqual(["k8s-worker-10"]);
  });

  test("reports every selector that finds nothing, with the nearest name", () => {
    expect(names({ names: ["wbe", "k8s-worker-3"] })).toEqual([
      'select/unknown-vm: Did you mean "web"?',
      'select/unknown-vm: Did you mean "k8s-worker-2"?',
    ]);
    expect(names({ environments: ["k9s"] })).toEqual(['select/unknown-environment: Did you mean "k8s"?']);
    expect(names({ labels: ["tier=none"] })).toEqual([
      'select/nothing-left: "vmlab list --json" shows each VM with its environment, role and labels.',
    ]);
    expect(names({})).toEqual([
      "select/nothing-named: Name VMs or globs, or choose with --env, --role, --label, or --all.",
    ]);
  });
});
