/** The instance behind a VM of the state, and what calls of its provider are handed. */
import { fail } from "../engine/diagnostics.ts";
import type { ResourceState } from "../engine/state/types.ts";
import type { VmObservation, VmProvider } from "../providers/provider.ts";

/** The id under which the provider knows the VM. */
export function instanceOf(vm: ResourceState): string {
  if (vm.instance !== undefined) return vm.instance;
  return fail({
    code: "select/not-made",
    summary: `${vm.address} was never made`,
    hint: `"vmlab apply" makes it.`,
    address: vm.address,
  });
}

/** Fails unless the VM runs and answers, with what to do about it. */
export async function requireRunning(provider: VmProvider, vm: ResourceState): Promise<string> {
  const { id, observation } = await powered(provider, vm);
  if (!observation.paused) return id;
  const { reason } = observation.attributes;
  return fail({
    code: "vm/paused",
    summary: `${vm.address} is paused${typeof reason === "string" && reason !== "paused" ? `: ${reason}` : ""}`,
    detail: "Its guest stands still, and answers nobody.",
    hint: `"vmlab resume ${vm.name}" lets it go on.`,
    address: vm.address,
  });
}

/** Fails unless the VM is powered on, paused or not. */
export async function requirePowered(provider: VmProvider, vm: ResourceState): Promise<string> {
  return (await powered(provider, vm)).id;
}

async function powered(
  provider: VmProvider,
  vm: ResourceState,
): Promise<{ readonly id: string; readonly observation: Extract<VmObservation, { state: "running" }> }> {
  const id = instanceOf(vm);
  const observation: VmObservation = (await provider.read([id])).get(id) ?? { state: "absent" };
  switch (observation.state) {
    case "running":
      return { id, observation };
    case "stopped":
      if (observation.suspended === true) {
        return fail({
          code: "vm/suspended",
          summary: `${vm.address} is suspended`,
          hint: `"vmlab resume ${vm.name}" lets it go on.`,
          address: vm.address,
        });
      }
      return fail({
        code: "vm/not-running",
        summary: `${vm.address} is not running`,
        ...(observation.reason === undefined ? {} : { detail: observation.reason }),
        hint: `"vmlab start ${vm.name}" starts it.`,
        address: vm.address,
      });
    case "absent":
      return fail({
        code: "vm/gone",
        summary: `${vm.address} does not exist any more`,
        hint: `"vmlab plan" shows what is missing, "vmlab apply" makes it again.`,
        address: vm.address,
      });
    case "incomplete":
      return fail({
        code: "vm/incomplete",
        summary: `${vm.address} is only half made`,
        hint: `"vmlab apply" finishes it.`,
        address: vm.address,
      });
    case "broken":
      return fail({
        code: "vm/broken",
        summary: `${vm.address} cannot be used`,
        detail: observation.reason,
        hint: `"vmlab doctor" looks closer; "vmlab apply --replace ${vm.address}" makes a new one.`,
        address: vm.address,
      });
  }
}
