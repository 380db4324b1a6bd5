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

/** Fails unless the VM runs, with what to do about it. */
export async function requireRunning(provider: VmProvider, vm: ResourceState): Promise<string> {
  const id = instanceOf(vm);
  const observation: VmObservation = (await provider.read([id])).get(id) ?? { state: "absent" };
  switch (observation.state) {
    case "running":
      return id;
    case "stopped":
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
