import { homeFrom } from "../../engine/home.ts";
import type { Intent, ResourceState, State } from "../../engine/state/types.ts";

/** A small state of a lab in `folder`. */
/** `home` is that of the environment, as a real state of these tests would have it. */
export function sampleState(fields: Partial<State> & Pick<State, "host" | "folder">): State {
  return {
    version: 1,
    lineage: "00112233445566aa",
    serial: 0,
    home: homeFrom(process.env).root,
    lab: "demo",
    tool: "0.1.0",
    sensitiveKey: "cafe",
    resources: {},
    outputs: {},
    intents: {},
    journalSequence: 0,
    ...fields,
  };
}

export function sampleVm(name: string, fields: Partial<ResourceState> = {}): ResourceState {
  return {
    address: `vm.${name}`,
    type: "vm",
    name,
    provider: "fake",
    instance: "0123456789ab",
    generation: 1,
    phase: "complete",
    inputs: { cpus: 1, memory: 1024 },
    attributes: { ports: [] },
    dependsOn: ["image.noble"],
    preventDestroy: false,
    ...fields,
  };
}

export function sampleIntent(operation: string, address: string): Intent {
  return { operation, address, step: "create", instance: "0123456789ab", since: 1000 };
}
